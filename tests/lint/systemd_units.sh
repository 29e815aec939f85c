#!/bin/sh
# Checks deploy/systemd with systemd's own tools: the units load, their exposure stays under 2.0 with
# every drop-in, the user file and the message catalogue are understood, and the catalogue explains
# exactly the messages that the journal adapter can send.
# Without systemd-analyze: 77 (skipped), a failure where $CI is set.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
units=$root/deploy/systemd
limit=19 # tenths; the tool compares with "at most"

if ! command -v systemd-analyze >/dev/null; then
  echo "systemd_units: SKIP: no systemd-analyze (package systemd)" >&2
  [ -z "${CI:-}" ] || exit 1
  exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
failed=0
complain() {
  echo "systemd_units: $*" >&2
  failed=1
}

# Our programs are not installed where this runs, so another one stands in for them.
for unit in anycastd.service anycastd-boot.service; do
  sed 's|^ExecStart=/usr/s*bin/anycast[a-z]*|ExecStart=/bin/true|' "$units/$unit" >"$work/$unit"
done

for drop_in in none bird frr local; do
  rm -rf "$work/anycastd.service.d"
  if [ "$drop_in" != none ]; then
    mkdir "$work/anycastd.service.d"
    cp "$units/drop-ins/$drop_in.conf" "$work/anycastd.service.d/"
  fi
  for unit in anycastd.service anycastd-boot.service; do
    # Warnings leave the exit code at 0; the tool also looks at units of the host, which are not ours.
    said=$(SYSTEMD_UNIT_PATH=$work: systemd-analyze verify --man=no "$work/$unit" 2>&1) ||
      complain "$unit ($drop_in): $said"
    case $said in *anycastd*) complain "$unit ($drop_in): $said" ;; esac
    SYSTEMD_UNIT_PATH=$work: systemd-analyze security --offline=yes --no-pager \
      --threshold="$limit" "$work/$unit" >"$work/security" 2>&1 ||
      complain "$unit ($drop_in): exposed more than $limit tenths"
    echo "$unit ($drop_in): $(grep 'Overall exposure' "$work/security" || echo unknown)"
  done
done

if command -v systemd-sysusers >/dev/null; then
  mkdir -p "$work/root/etc" "$work/root/usr/lib/sysusers.d"
  cp "$units/sysusers.d/anycastd.conf" "$work/root/usr/lib/sysusers.d/"
  systemd-sysusers --root="$work/root" anycastd.conf >/dev/null 2>&1 || complain "sysusers.d is refused"
  grep -q '^anycastd:' "$work/root/etc/passwd" || complain "sysusers.d makes no user anycastd"
fi

if command -v systemd-tmpfiles >/dev/null; then
  mkdir -p "$work/root/usr/lib/tmpfiles.d"
  cp "$units/tmpfiles.d/anycastd.conf" "$work/root/usr/lib/tmpfiles.d/"
  said=$(systemd-tmpfiles --root="$work/root" --create anycastd.conf 2>&1) || complain "tmpfiles.d is refused: $said"
  [ "$(stat -c %a "$work/root/etc/anycastd/secrets")" = 750 ] || complain "tmpfiles.d does not close the folder of secrets"
fi

if command -v journalctl >/dev/null; then
  mkdir -p "$work/root/usr/lib/systemd/catalog" "$work/root/var/lib/systemd/catalog"
  cp "$units/anycastd.catalog" "$work/root/usr/lib/systemd/catalog/"
  journalctl --root="$work/root" --update-catalog 2>"$work/catalog" || complain "$(cat "$work/catalog")"
fi
grep -o '"[0-9a-f]\{32\}"' "$root/adapters/system/journal.cpp" | tr -d '"' | sort >"$work/sent"
sed -n 's/^-- \([0-9a-f]\{32\}\)$/\1/p' "$units/anycastd.catalog" | sort >"$work/explained"
diff "$work/sent" "$work/explained" || complain "the catalogue and journal.cpp differ"

exit "$failed"
