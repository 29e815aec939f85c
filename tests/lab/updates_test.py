"""The MRT reader, and the judgement over what it reads, on a dump that BIRD 2.0.12 wrote.

The dump is what upstream cmi heard in the lab while hk-idc-1 prepended twice, drained, withdrew,
came back with attributes that no stance has, announced plainly, and restarted its session.
"""

import struct
import unittest
from pathlib import Path

from updates import GRACEFUL_SHUTDOWN, MrtError, assert_only, updates

DUMP = (Path(__file__).parent / "dumps" / "stances.mrt").read_bytes()
PREFIX = "203.0.113.0/24"
IDC = "192.0.2.9"


def heard_from_idc():
    return [u for u in updates(DUMP) if u.peer == IDC and not u.is_end_of_rib]


class Reading(unittest.TestCase):
    def test_each_stance_is_read_as_it_was_announced(self):

        def stance(update):
            attributes = update.attributes
            return attributes and (attributes.as_path, attributes.communities)

        said = [(u.announced, u.withdrawn, stance(u)) for u in heard_from_idc()]
        plain = ((PREFIX,), (), ((64500,), ()))
        self.assertEqual(
            said,
            [
                plain,
                ((PREFIX,), (), ((64500, 64500, 64500), ())),
                ((PREFIX,), (), ((64500,), (GRACEFUL_SHUTDOWN,))),
                ((), (PREFIX,), None),
                plain,
                plain,
                plain,
            ],
        )

    def test_other_attributes_are_read_too(self):
        strange = heard_from_idc()[4].attributes
        self.assertEqual((strange.med, strange.large_communities), (7, ((64500, 1, 2),)))

    def test_a_session_that_came_back_is_a_new_one(self):
        self.assertEqual([u.session for u in heard_from_idc()], [1, 1, 1, 1, 1, 1, 2])

    def test_peers_with_four_byte_numbers_and_ends_of_rib_are_told_apart(self):
        carrier = [u for u in updates(DUMP) if u.peer_asn == 65538]
        self.assertEqual([u.announced for u in carrier], [("198.51.100.128/26",), ()])
        self.assertEqual([u.is_end_of_rib for u in carrier], [False, True])

    def test_a_record_cut_short_at_the_end_is_not_read_yet(self):
        update = [r for r in records(DUMP) if is_update(r)][0]
        self.assertEqual(updates(update + update[:-1]), updates(update))

    def test_the_extended_timestamp_is_read(self):
        update = [r for r in records(DUMP) if is_update(r)][0]
        seconds, _, subtype, length = struct.unpack("!IHHI", update[:12])
        extended = struct.pack("!IHHII", seconds, 17, subtype, length + 4, 250_000) + update[12:]
        self.assertEqual(updates(extended)[0].time, seconds + 0.25)

    def test_nonsense_inside_a_record_is_an_error(self):
        update = [r for r in records(DUMP) if is_update(r)][0]
        broken = update[:-4] + b"\x21" + update[-3:]
        with self.assertRaises(MrtError):
            updates(broken)


class Judging(unittest.TestCase):
    def judge(self, heard, **options):
        assert_only(heard, PREFIX, 64500, **options)

    def faults(self, heard, **options):
        with self.assertRaises(AssertionError) as caught:
            self.judge(heard, **options)
        return [line.rpartition(": ")[2] for line in str(caught.exception).splitlines()]

    def test_stances_pass(self):
        self.judge(heard_from_idc()[:4])

    def test_what_others_say_does_not_concern_us(self):
        self.judge([u for u in updates(DUMP) if u.peer_asn == 65538])

    def test_another_prefix_is_a_fault(self):
        with self.assertRaisesRegex(AssertionError, "not our prefix: 203.0.113.0/24"):
            assert_only(heard_from_idc()[:1], "203.0.112.0/24", 64500)

    def test_attributes_that_no_stance_has_are_a_fault(self):
        self.assertEqual(self.faults(heard_from_idc()[4:5]), ["an attribute that no stance has"])

    def test_a_prepend_too_many_is_a_fault(self):
        self.assertEqual(
            self.faults(heard_from_idc()[:2], max_prepend=1), ["more than 1 prepends"]
        )

    def test_a_community_that_was_not_asked_for_is_a_fault(self):
        self.assertEqual(
            self.faults(heard_from_idc()[:3], communities=()), ["a community that is not in ()"]
        )

    def test_saying_the_same_twice_is_a_fault_within_one_session_only(self):
        last, again = heard_from_idc()[-2:]
        self.judge([last, again])
        self.assertEqual(self.faults([last, last]), ["a duplicate"])

    def test_withdrawing_what_was_not_announced_is_a_fault(self):
        self.assertEqual(self.faults(heard_from_idc()[3:4]), ["a duplicate"])


def records(dump):
    while dump:
        length = 12 + struct.unpack("!I", dump[8:12])[0]
        yield dump[:length]
        dump = dump[length:]


def is_update(record):
    header = 12 + 20  # MRT, then BGP4MP_MESSAGE_AS4 with IPv4 addresses
    return struct.unpack("!H", record[6:8])[0] == 4 and record[header + 18] == 2


if __name__ == "__main__":
    unittest.main()
