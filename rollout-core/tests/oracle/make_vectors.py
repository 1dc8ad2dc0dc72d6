"""Writes tests/vectors/trust.json: signed documents, good and bad, each with its verdict.

An independent second opinion: documents are made with `cbor2` and `cryptography`, judged by the
judge below, and only then handed to the Rust verifier, which has to say the same. Private keys
come from labels, exist for these tests alone and are not written out.

    python3 -m venv VENV && VENV/bin/pip install cbor2==6.2.1 cryptography==50.0.2
    VENV/bin/python rollout-core/tests/oracle/make_vectors.py
"""

import hashlib
import json
import pathlib

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FLEET = hashlib.sha256(b"fleet of the vectors").digest()[:16]
OTHER_FLEET = hashlib.sha256(b"another fleet").digest()[:16]
IMAGE = hashlib.sha256(b"image").digest()
OLD_IMAGE = hashlib.sha256(b"confirmed image").digest()
NOW = 1_800_000_000
DAY = 86_400
NAMES = {1: "root", 2: "manifest", 3: "directive", 4: "binding", 5: "report"}

DEVICE = {
    "fleet": FLEET.hex(), "id": "device-1", "hardware": "esp32-c3-v2", "chip": 5, "secure": 1,
    "slot": 1_000_000, "component": 0, "epoch": 1, "counter": 5, "image": OLD_IMAGE.hex(),
    "offered": NOW, "floor": NOW - DAY, "uptime": 60,
}


def key(label):
    seed = hashlib.sha256(b"test only " + label.encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def public(signer):
    return signer.public_key().public_bytes_raw()


ROOTS = [key(f"root {n}") for n in range(3)]
RELEASES = [key(f"release {n}") for n in range(2)]
DIRECTOR, STRANGER = key("director"), key("stranger")
KEYS = [public(signer) for signer in ROOTS + RELEASES + [DIRECTOR]]


def enc(value):
    return cbor2.dumps(value, canonical=True)


def aad(kind):
    return f"fleet-ota/{NAMES[kind]}/1".encode()


def protected(kid):
    return enc({1: -19, 4: kid})


def entry(payload, kind, signer, kid=None):
    header = protected(kid or hashlib.sha256(public(signer)).digest()[:8])
    return [header, {}, signer.sign(enc(["Signature", b"", header, aad(kind), payload]))]


def wrap(payload, entries):
    return enc(cbor2.CBORTag(98, [b"", {}, payload, entries]))


def sign(payload, kind, signers):
    return wrap(payload, [entry(payload, kind, signer) for signer in signers])


def root(changes=None, drop=()):
    fields = {
        0: 1, 1: FLEET, 2: 1, 3: NOW + 365 * DAY, 4: 1, 5: KEYS,
        6: {0: [2, [0, 1, 2]], 1: [2, [3, 4]], 3: [1, [3]]}, 7: NOW - 10 * DAY,
    } | (changes or {})
    return enc({k: v for k, v in fields.items() if k not in drop})


def manifest(changes=None, drop=()):
    fields = {
        0: 2, 1: FLEET, 2: "thermostat", 3: [b"esp32-c3-v1", b"esp32-c3-v2"], 4: 1, 5: 9,
        6: "1.4.0", 7: IMAGE, 8: 400_000, 9: 1, 10: 3, 11: NOW + 180 * DAY, 12: 5,
    } | (changes or {})
    return enc({k: v for k, v in fields.items() if k not in drop})


# The judge. It shares no code with the documents' makers but the encoder.


class Refused(Exception):
    pass


def need(holds, word):
    if not holds:
        raise Refused(word)


def decode(data):
    try:
        value = cbor2.loads(data)
        same = enc(value) == data
    except Exception:
        raise Refused("strict") from None
    need(same and len(data) <= 2048, "strict")
    return value


def unwrap(data):
    value = decode(data)
    need(isinstance(value, cbor2.CBORTag) and value.tag == 98, "strict")
    need(isinstance(value.value, (list, tuple)) and len(value.value) == 4, "strict")
    body, unprotected, payload, entries = value.value
    need(body == b"" and unprotected == {} and isinstance(payload, bytes), "strict")
    need(1 <= len(entries) <= 8, "strict")
    for parts in entries:
        need(len(parts) == 3 and parts[1] == {} and len(parts[2]) == 64, "strict")
        header = decode(parts[0])
        need(list(header) == [1, 4] and header[1] == -19 and len(header[4]) == 8, "strict")
    return payload, entries


def reaches(payload, entries, kind, listed, rule):
    good = set()
    for header, _, signature in entries:
        for index in rule[1]:
            if hashlib.sha256(listed[index]).digest()[:8] != cbor2.loads(header)[4]:
                continue
            message = enc(["Signature", b"", header, aad(kind), payload])
            try:
                Ed25519PublicKey.from_public_bytes(listed[index]).verify(signature, message)
                good.add(listed[index])
            except InvalidSignature:
                pass
    return len(good) >= rule[0]


def document(payload, kind, required, optional):
    fields = decode(payload)
    need(isinstance(fields, dict) and all(isinstance(k, int) and k >= 0 for k in fields), "strict")
    need(fields.get(0) == kind, "type")
    need(all(k in fields for k in required), "missing")
    need(all(k in required or k in optional or k >= 64 for k in fields), "unknown_key")
    return fields


def read_root(payload):
    fields = document(payload, 1, range(8), ())
    listed, roles = fields[5], fields[6]
    need(fields[2] >= 1 and fields[7] < fields[3], "rule")
    need(1 <= len(listed) <= 8 and len(set(listed)) == len(listed), "rule")
    need(0 in roles and 1 in roles, "rule")
    for threshold, members in roles.values():
        need(1 <= threshold <= len(members) and members == sorted(set(members)), "rule")
        need(all(member < len(listed) for member in members), "rule")
    return fields


def read_manifest(payload):
    fields = document(payload, 2, range(13), range(13, 20))
    product, models = fields[2], fields[3]
    letters = set("abcdefghijklmnopqrstuvwxyz0123456789-")
    need(1 <= len(product) <= 31 and set(product) <= letters, "rule")
    need(1 <= len(models) <= 8 and models == sorted(set(models)), "rule")
    need(all(1 <= len(model) <= 24 for model in models) and fields[8] >= 1, "rule")
    need(len(fields.get(15, "x")) <= 64 and len(fields.get(18, [])) <= 8, "rule")
    need(fields[9] < 1 << 32 and fields[12] < 1 << 16, "rule")
    return fields


def judge_chain(old, new):
    old = read_root(unwrap(old)[0])
    payload, entries = unwrap(new)
    need(reaches(payload, entries, 1, old[5], old[6][0]), "old_signatures")
    fields = read_root(payload)
    need(fields[1] == old[1], "root_fleet")
    need(fields[2] == old[2] + 1, "root_version")
    need(fields[4] >= old[4], "root_epoch")
    need(reaches(payload, entries, 1, fields[5], fields[6][0]), "own_signatures")
    return "accept"


def judge_manifest(root_bytes, data, device):
    trusted = read_root(unwrap(root_bytes)[0])
    now = max(device["offered"], device["floor"] + device["uptime"], trusted[7])
    now = min(now, trusted[3])
    payload, entries = unwrap(data)
    need(2 not in trusted[6], "directive")
    need(now < trusted[3], "root_expired")
    need(reaches(payload, entries, 2, trusted[5], trusted[6][1]), "signatures")
    fields = read_manifest(payload)
    need(fields[1] == trusted[1] and fields[1].hex() == device["fleet"], "fleet")
    need(device["hardware"].encode() in fields[3], "hardware")
    need(fields[12] == device["chip"], "chip")
    need(now < fields[11], "expired")
    need(fields[4] == trusted[4], "epoch")
    need(fields.get(13, 0) == device["component"], "component")
    if fields[7].hex() == device["image"]:
        return "already_installed"
    need((fields[4], fields[5]) > (device["epoch"], device["counter"]), "counter")
    confirmed = device["counter"] if device["epoch"] == fields[4] else 0
    need(confirmed >= fields[10], "stepping_stone")
    need(fields[9] >= device["secure"], "secure_version")
    need(fields[8] <= device["slot"], "size")
    if 16 in fields:
        seed = device["id"].encode() + b"\0" + hashlib.sha256(payload).digest()
        draw = int.from_bytes(hashlib.sha256(seed).digest()[:8], "big")
        until = fields[16][0] + draw % fields[16][1]
        if now < until:
            return f"wait {until}"
    return "accept"


VECTORS = []


def add(name, kind, trusted, data, expect, device=None):
    try:
        if kind == "chain":
            found = judge_chain(trusted, data)
        else:
            found = judge_manifest(trusted, data, DEVICE | (device or {}))
    except Refused as refused:
        found = str(refused)
    assert found.split()[0] == expect, f"{name}: meant {expect}, judged {found}"
    VECTORS.append({"name": name, "kind": kind, "root": trusted.hex(), "document": data.hex(),
                    "device": device or {}, "expect": found})


R1 = sign(root(), 1, ROOTS[:2])


def manifests():
    def offer(name, expect, changes=None, device=None, drop=(), signers=RELEASES, trusted=R1):
        add(name, "manifest", trusted, sign(manifest(changes, drop), 2, signers), expect, device)

    def raw(name, expect, data, device=None):
        add(name, "manifest", R1, data, expect, device)

    offer("good", "accept")
    everything = {13: 0, 14: 7, 15: "api ^2.1;push >=1,<3", 16: [NOW - 1000, 100], 17: 0,
                  18: [OLD_IMAGE, IMAGE], 19: IMAGE}
    offer("every_optional_field", "accept", everything)
    offer("skippable_keys", "accept", {64: {1: [True, None, -5]}, 1000: "later"})
    offer("opaque", "accept", {12: 0xFFFF}, {"chip": 0xFFFF})
    offer("other_component", "accept", {13: 2}, {"component": 2})
    offer("new_epoch_restarts_counters", "accept", {5: 1, 10: 0}, {"epoch": 0, "counter": 900})
    offer("third_signature_of_a_stranger", "accept", signers=[STRANGER] + RELEASES)
    offer("spread_waits", "wait", {16: [NOW + 10, 3600]})
    offer("spread_of_one_second", "accept", {16: [NOW, 1]})
    offer("already_installed", "already_installed", {7: OLD_IMAGE})
    renewal = {7: OLD_IMAGE, 5: 5, 11: NOW + 400 * DAY}
    offer("renewal_of_the_confirmed", "already_installed", renewal)
    offer("one_signature_of_two", "signatures", signers=RELEASES[:1])
    offer("same_key_twice", "signatures", signers=[RELEASES[0]] * 2)
    offer("keys_of_another_role", "signatures", signers=ROOTS)
    offer("director_alone", "signatures", signers=[DIRECTOR, RELEASES[1]])
    payload = manifest()
    kids = [hashlib.sha256(public(signer)).digest()[:8] for signer in RELEASES]
    raw("two_kids_one_key", "signatures",
        wrap(payload, [entry(payload, 2, RELEASES[0], kid) for kid in kids]))
    raw("signed_as_directive", "signatures", sign(payload, 3, RELEASES))
    raw("signed_as_root", "signatures", sign(payload, 1, RELEASES))
    raw("root_signed_as_manifest", "type", sign(root(), 2, RELEASES))
    offer("wrong_fleet", "fleet", {1: OTHER_FLEET})
    offer("device_of_another_fleet", "fleet", None, {"fleet": OTHER_FLEET.hex()})
    offer("wrong_hardware", "hardware", None, {"hardware": "esp32-c3-v3"})
    offer("wrong_chip", "chip", {12: 13})
    offer("opaque_for_a_chip", "chip", {12: 0xFFFF})
    offer("before_expiry", "accept", {11: NOW + 1})
    offer("at_expiry", "expired", {11: NOW})
    offer("after_expiry", "expired", {11: NOW - 1})
    offer("clock_set_back_by_server", "expired", {11: NOW - DAY}, {"offered": 1})
    offer("clock_far_ahead", "root_expired", None, {"offered": 1 << 63})
    offer("older_epoch", "epoch", {4: 0})
    offer("newer_epoch", "epoch", {4: 2})
    offer("unknown_component", "component", {13: 1})
    offer("same_counter", "counter", {5: 5})
    offer("older_counter", "counter", {5: 4})
    offer("stepping_stone_required", "stepping_stone", {10: 6})
    offer("stepping_stone_in_new_epoch", "stepping_stone", {10: 1}, {"epoch": 0, "counter": 9})
    offer("secure_version_below_hardware", "secure_version", None, {"secure": 2})
    offer("one_byte_over_the_slot", "size", {8: 1_000_001})
    offer("the_whole_slot", "accept", {8: 1_000_000})
    offer("empty_image", "rule", {8: 0})
    offer("no_hardware", "rule", {3: []})
    offer("hardware_not_rising", "rule", {3: [b"esp32-c3-v2", b"esp32-c3-v1"]})
    offer("product_in_capitals", "rule", {2: "Thermostat"})
    offer("contract_too_long", "rule", {15: "x" * 65})
    offer("nine_bases", "rule", {18: [bytes([n]) * 32 for n in range(9)]})
    offer("chip_of_17_bits", "rule", {12: 1 << 16})
    offer("no_expiry", "missing", drop=(11,))
    offer("unknown_key_20", "unknown_key", {20: 0})
    offer("unknown_key_63", "unknown_key", {63: 0})
    full = sign(root({6: {0: [2, [0, 1, 2]], 1: [2, [3, 4]], 2: [1, [5]]}}), 1, ROOTS[:2])
    offer("full_profile_wants_a_directive", "directive", trusted=full)
    strictness(raw)


def strictness(raw):
    payload = manifest()
    good = sign(payload, 2, RELEASES)
    raw("trailing_byte", "strict", good + b"\0")
    raw("no_tag", "strict", good[2:])
    raw("long_head", "strict", good.replace(b"\xd8\x62\x84\x40", b"\xd8\x62\x98\x04\x40", 1))
    raw("indefinite_array", "strict", good.replace(b"\xd8\x62\x84", b"\xd8\x62\x9f", 1) + b"\xff")
    raw("unprotected_header", "strict", good.replace(b"\x40\xa0\x58", b"\x40\xa1\x01\x02\x58", 1))
    raw("no_signature", "strict", wrap(payload, []))
    raw("nine_signatures", "strict", wrap(payload, [entry(payload, 2, RELEASES[0])] * 9))
    signed = [entry(payload, 2, signer) for signer in RELEASES]
    eddsa = [[enc({1: -8, 4: cbor2.loads(h)[4]}), u, s] for h, u, s in signed]
    raw("older_algorithm_number", "strict", wrap(payload, eddsa))
    tails = {
        "trailing_byte_in_payload": payload + b"\0",
        "duplicate_key": bytes([payload[0] + 1]) + payload[1:] + b"\x0c\x05",
        "long_key": payload.replace(b"\x0c\x05", b"\x18\x0c\x05"),
        "long_value": payload.replace(b"\x0c\x05", b"\x0c\x18\x05"),
        "indefinite_map": b"\xbf" + payload[1:] + b"\xff",
        "bad_utf8": payload.replace(b"thermostat", b"thermo\xfftat"),
        "float": bytes([payload[0] + 1]) + payload[1:] + b"\x18\x40\xfb" + bytes(8),
    }
    for name, damaged in tails.items():
        raw(name, "strict", sign(damaged, 2, RELEASES))


def chains():
    def follow(name, expect, changes=None, signers=ROOTS[:2], drop=(), base=R1):
        payload = root({2: 2} | (changes or {}), drop)
        add(name, "chain", base, sign(payload, 1, signers), expect)

    fresh = [key(f"fresh root {n}") for n in range(3)]
    swapped = {5: [public(signer) for signer in fresh + RELEASES + [DIRECTOR]]}
    follow("root_next", "accept")
    follow("root_next_epoch", "accept", {4: 2})
    follow("root_all_keys_replaced", "accept", swapped, ROOTS[1:] + fresh[:2])
    follow("root_to_full_profile", "accept", {6: {0: [2, [0, 1, 2]], 1: [2, [3, 4]], 2: [1, [5]]}})
    follow("root_skip", "root_version", {2: 3})
    follow("root_same", "root_version", {2: 1})
    base = sign(root({2: 7}), 1, ROOTS[:2])
    follow("root_older", "root_version", {2: 6}, base=base)
    follow("one_root_key_useless", "old_signatures", signers=ROOTS[:1])
    follow("root_by_new_keys_alone", "old_signatures", swapped, fresh)
    follow("root_by_old_keys_alone", "own_signatures", swapped, ROOTS)
    follow("root_by_release_keys", "old_signatures", signers=RELEASES)
    follow("root_of_another_fleet", "root_fleet", {1: OTHER_FLEET})
    follow("root_epoch_falls", "root_epoch", {4: 0})
    follow("root_threshold_zero", "rule", {6: {0: [0, [0, 1, 2]], 1: [1, [3]]}})
    follow("root_threshold_too_high", "rule", {6: {0: [4, [0, 1, 2]], 1: [1, [3]]}})
    follow("root_without_release_role", "rule", {6: {0: [2, [0, 1, 2]]}})
    follow("root_index_twice", "rule", {6: {0: [2, [0, 0]], 1: [1, [3]]}})
    follow("root_index_beyond_keys", "rule", {6: {0: [2, [0, 6]], 1: [1, [3]]}})
    follow("root_key_twice", "rule", {5: KEYS[:5] + KEYS[:1]})
    follow("root_expires_when_issued", "rule", {3: NOW, 7: NOW})
    follow("root_without_epoch", "missing", drop=(4,))
    follow("root_unknown_key", "unknown_key", {8: 0})
    follow("root_skippable_key", "accept", {64: 0})
    add("manifest_as_root", "chain", R1, sign(manifest(), 1, ROOTS[:2]), "type")


manifests()
chains()
target = pathlib.Path(__file__).parent.parent / "vectors" / "trust.json"
body = ",\n".join(json.dumps(vector) for vector in VECTORS)
target.write_text(f'{{"device": {json.dumps(DEVICE)},\n"vectors": [\n{body}\n]}}\n')
print(f"{len(VECTORS)} vectors in {target}")
