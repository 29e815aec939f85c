"""What documents and manual pages name exists: commands, options, exit codes, configuration keys, files."""

import functools
import json
import re
import shlex
import subprocess
import tempfile
import unittest

import yaml
from exporters_test import BUILD
from known import ROOT, RUNBOOKS, served_paths

DOCS = ROOT / "deploy/docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "probes/README.md"])
MAN = ROOT / "deploy/man/anycastctl.1.scd"
# Programs of others that documents may tell to run.
OTHERS = set("apt birdc cmake cp cpack curl df editor install journalctl mkdir podman prometheus prometheus-blackbox-exporter systemctl deploy/demo tests/run".split())


@functools.lru_cache(None)
def help_of(*command):
    return subprocess.run([BUILD / "anycastctl", *command, "--help"], capture_output=True, text=True, check=True).stdout


def options_of(*command):
    """{"--long", "-s"} that a command knows, the help's own left out."""
    found = set()
    for line in help_of(*command).splitlines():
        match = re.match(r"\s+((?:-[\w-]+(?:\{[^}]*\})?,?\s*)+)", line)
        if match:
            found |= set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", match.group(1)))
    return found - {"-h", "--help"}


@functools.lru_cache(None)
def below(*command):
    """{word: name} of the commands below a command; an alias is a word of its own."""
    parts = re.split(r"(?i)^subcommands:$", help_of(*command), flags=re.M)
    out = {}
    for line in parts[1].splitlines() if len(parts) > 1 else []:
        match = re.match(r"  ([a-z-]+(?:, [a-z-]+)*)", line)
        words = match.group(1).split(", ") if match else []
        out |= {word: words[0] for word in words}
    return out


def commands(above=()):
    """Every command as a tuple of words, aliases too."""
    for word in below(*above):
        yield (*above, word)
        yield from commands((*above, word))


def fault_of(words):
    """What is wrong with an `anycastctl` command line, or None."""
    command, known = (), options_of()
    for word in words[1:]:
        if word.startswith("-") and len(word) > 1:
            if word.split("=")[0] not in known:
                return f"{word} is no option of anycastctl {' '.join(command)}"
        elif below(*command):
            if word in below(*command):
                command = (*command, below(*command)[word])
                known = known | options_of(*command)
            elif not command:
                return f"there is no command {word}"
    return None


def shell_lines(text):
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield words


def in_container(words):
    """What `podman` runs there, where that is anycastctl; image and container are both called anycastd."""
    if words[0] != "podman" or "anycastctl" not in words:
        return words
    rest = words[len(words) - words[::-1].index("anycastd") :]
    return rest if rest[0] == "anycastctl" else ["anycastctl", *rest]


def without_redirection(words):
    return [word for word in words if not word.startswith((">", "<", "|"))]


class Documents(unittest.TestCase):
    def test_every_command_of_a_document_exists_with_its_options(self):
        seen = 0
        for page in PAGES:
            for words in shell_lines(page.read_text()):
                with self.subTest(page=page.name, command=" ".join(words)):
                    words = in_container(words)
                    if words[0] == "anycastctl":
                        seen += 1
                        self.assertIsNone(fault_of(without_redirection(words)))
                    else:
                        self.assertIn(words[0], OTHERS)
        self.assertGreater(seen, 60)

    def test_commands_within_sentences_exist(self):
        rules = (ROOT / "probes/rules/alerts.yml", ROOT / "deploy/systemd/anycastd.catalog")
        for page in [*PAGES, *rules]:
            for code in re.findall(r"`(anycastctl [a-z][^`]*)`", page.read_text()):
                with self.subTest(page=page.name, command=code):
                    self.assertIsNone(fault_of(shlex.split(code)))

    def test_configuration_keys_exist(self):
        schema = json.loads(subprocess.run([BUILD / "anycastctl", "schema"], capture_output=True, text=True).stdout)
        tops = "|".join(schema["properties"])
        for page in PAGES:
            for key in re.findall(rf"`((?:{tops})\.[a-z_.]+)`", page.read_text()):
                if key.endswith((".yaml", ".yml", ".conf", ".md")):
                    continue
                with self.subTest(page=page.name, key=key):
                    at = schema
                    for word in key.split("."):
                        at = inner(schema, at, word)
                        self.assertIsNotNone(at, f"no '{word}'")

    def test_links_lead_somewhere(self):
        for page in PAGES:
            for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
                with self.subTest(page=page.name, link=target):
                    self.assertTrue((page.parent / target).exists())

    def test_the_pictures_of_the_page_are_small_and_all_of_them_are_shown(self):
        shown = re.findall(r"!\[[^]]+\]\((page/[^)]+)\)", (DOCS / "page.md").read_text())
        pictures = list(DOCS.rglob("*.png"))
        self.assertEqual(sorted(shown), sorted(str(path.relative_to(DOCS)) for path in pictures))
        named = {(int(width), scheme) for width, scheme in re.findall(r"page-en-(\d+)-(\w+)\.png", " ".join(shown))}
        self.assertEqual(named, {(width, scheme) for width in (400, 1000, 1600) for scheme in ("light", "dark")})
        for path in pictures:
            with self.subTest(path.name):
                data = path.read_bytes()
                self.assertLess(len(data), 150_000)
                self.assertEqual(str(int.from_bytes(data[16:20], "big")), path.name.split("-")[2])

    def test_the_parts_keys_and_choices_of_the_page_are_those_that_its_document_names(self):
        folder = ROOT / "controller/app/page"
        page = (DOCS / "page.md").read_text()
        english = (folder / "words.js").read_text().partition("\n  zh: {")[0]
        labels = dict(re.findall(r'^    (\w+): "(.*)",$', english, re.M))
        parts = re.findall(r'<section id="(\w+)"', (folder / "page.html").read_text())
        named = lambda title: re.findall(r"^\| (?!-|part|in the)([^|]+) \|", page[page.index(title) :].split("\n## ")[0], re.M)
        self.assertEqual(named("## From top"), ["head", *(labels[part] for part in parts if part != "replay")])
        script = "".join((folder / f).read_text() for f in ("page.js", "replay.js"))
        choices = set(re.findall(r'(?:asked|parameters\(\)|hash\.slice\(1\)\))\.get\("(\w+)"\)', script))
        self.assertEqual(set(re.findall(r"(\w+)=", "".join(named("## The address")))), choices)
        keys = set(re.findall(r'(?:(\w+)|" "): \(walk\)', re.search(r"^const KEYS = (.*)$", script, re.M)[1]))
        replay = page[page.index("## Replay") :]
        self.assertEqual({key or "space" for key in keys}, set(re.findall(r"`(\w)`", replay)) | ({"space"} if "space on the slider" in replay else set()))

    def test_runbooks_speak_in_commands_and_in_few_words(self):
        for page in RUNBOOKS.glob("*.md"):
            with self.subTest(page.name):
                self.assertLessEqual(len(page.read_text().split()), 260)

    def test_the_dictionary_of_public_communities_is_a_configuration(self):
        page = (DOCS / "communities.md").read_text()
        shown = yaml.safe_load(re.search(r"^```yaml\n(.*?)^```", page, re.M | re.S)[1])["upstreams"]
        file = yaml.safe_load((ROOT / "deploy/example/anycastd.yaml").read_text())
        numbers = re.findall(r"# AS(\d+)", page)
        self.assertEqual(len(numbers), len(shown))
        for (name, upstream), asn in zip(shown.items(), numbers):
            file["upstreams"][name] = {"asn": int(asn), "carries": ["telecom", "unicom"], **upstream}
            self.assertTrue(all(not entry.get("tested") for entry in upstream["communities"]))
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as whole:
            whole.write(json.dumps(file))
            whole.flush()
            done = subprocess.run([BUILD / "anycastctl", "check-config", whole.name], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_outputs_that_documents_show_are_those_of_today(self):
        shown = 0
        for page in PAGES:
            for command, text in re.findall(r"^<!-- (anycastctl [^>]*) -->\n```text\n(.*?)```", page.read_text(), re.M | re.S):
                shown += 1
                words = [BUILD / "anycastctl", *shlex.split(command)[1:]]
                done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
                self.assertEqual(done.stdout, text, f"{page}: {command}")
        self.assertGreater(shown, 0)


def inner(schema, at, word):
    """The schema of a key within another."""
    while "$ref" in at:
        at = schema["$defs"][at["$ref"].rsplit("/", 1)[1]]
    if word in at.get("properties", {}):
        return at["properties"][word]
    named = at.get("additionalProperties")
    patterned = list(at.get("patternProperties", {}).values())
    return named if isinstance(named, dict) else patterned[0] if patterned else None


class Manual(unittest.TestCase):
    page = MAN.read_text()

    def test_the_manual_and_the_program_have_the_same_options(self):
        program = set()
        for command in [(), *commands()]:
            program |= {option for option in options_of(*command) if option.startswith("--")}
        program -= {"--version"}
        self.assertEqual(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", self.page)) - {"--version"}, program)

    def test_the_manual_and_the_program_have_the_same_commands(self):
        named = set()
        part = self.page[self.page.index("# COMMANDS THAT READ") : self.page.index("# EXIT STATUS")]
        for line in re.findall(r"^\*[a-z].*$", part, re.M):
            named |= {tuple(words.split()) for words in re.findall(r"(?:^|, |\], )\*([a-z -]+)\*", line)}
        self.assertEqual(named, set(commands()))

    def test_what_the_page_about_templates_names_can_be_rendered(self):
        page = (ROOT / "deploy/man/anycastd-templates.5.scd").read_text()
        source = "".join((ROOT / "controller/render" / f).read_text() for f in ("fragment.cpp", "egress.cpp"))
        holes = (ROOT / "controller/render/hole.hpp").read_text()
        types = set(re.findall(r"^///   ([a-z0-9]+) {2,}", holes, re.M))
        values = set(re.findall(r'[{[]"([a-z0-9_]+)"(?:,|] =) Data\{', source))
        part = page[page.index("# TYPES") : page.index("# VALUES")]
        self.assertEqual(set(re.findall(r"\*(\w+)\*", part)), types)
        part = page[page.index("# VALUES") : page.index("# KEEPALIVED")]
        self.assertLessEqual(set(re.findall(r"\*(\w+)\*", part)), values)
        source = (ROOT / "controller/render/keepalived.cpp").read_text()
        part = page[page.index("# KEEPALIVED") : page.index("# FILES")]
        self.assertEqual(set(re.findall(r"\*(\w+)\*", part)), set(re.findall(r'\{"([a-z_]+)", Data\{', source)))

    def test_the_manual_names_every_path_that_the_daemon_serves_and_no_other(self):
        page = (ROOT / "deploy/man/anycastd.8.scd").read_text()
        part = page[page.index("# HTTP") : page.index("# WITH FRR")]
        self.assertEqual(set(re.findall(r"(?<![\w.:])(/(?:v1/[a-z]+|[a-z]*\.?[a-z]*))(?![\w/])", part)) - {"/v1/orders/"}, served_paths())

    def test_the_manual_and_the_program_have_the_same_exit_codes(self):
        source = (ROOT / "controller/cmd/common.hpp").read_text()
        codes = set(re.findall(r"k\w+ = (\d+),", source[source.index("enum Exit") : source.index("};")]))
        table = self.page[self.page.index("# EXIT STATUS") : self.page.index("*status --nagios* uses")]
        self.assertEqual(set(re.findall(r"^(?:\[-|\|) +(\d+)$", table, re.M)), codes)


if __name__ == "__main__":
    unittest.main()
