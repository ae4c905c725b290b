from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.outbound.addresses import AllowList, denied_because, embedded, plain

DENIED = (
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::a9fe:a9fe",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::127.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a9fe:a9fe::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff05::2",
    "4000::1",
)

PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "2606:4700::1111",
    "2a00:1450::1",
    "64:ff9b::8.8.8.8",
    "::ffff:8.8.8.8",
)


@pytest.mark.parametrize("text", DENIED)
def test_it_denies_every_address_that_is_not_on_the_public_internet(text: str):
    assert denied_because(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_it_admits_public_addresses(text: str):
    assert denied_because(ipaddress.ip_address(text)) == ""


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("2002:a9fe:a9fe::1", "169.254.169.254"),
        ("64:ff9b::7f00:1", "127.0.0.1"),
        ("::a9fe:a9fe", "169.254.169.254"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"),
    ],
)
def test_it_unwraps_relayed_addresses(text: str, inside: str):
    assert ipaddress.ip_address(inside) in embedded(ipaddress.ip_address(text))


def test_it_treats_a_mapped_address_as_its_ipv4_address():
    assert plain(ipaddress.ip_address("::ffff:10.1.2.3")) == ipaddress.ip_address("10.1.2.3")


@given(st.ip_addresses(v=4))
def test_no_wrapping_makes_a_denied_ipv4_address_acceptable(address: ipaddress.IPv4Address):
    number = int(address)
    for wrapped in (0xFFFF << 32 | number, 0x64FF9B << 96 | number, (0x2002 << 112) | number << 80 | 1):
        if denied_because(address):
            assert denied_because(ipaddress.IPv6Address(wrapped))


class TestAllowList:
    def test_an_endpoint_is_allowed_on_its_port_only(self):
        allow = AllowList.parse(["127.0.0.1:8000"])
        assert allow.refusal("localhost", 8000, ipaddress.ip_address("127.0.0.1")) == ""
        assert allow.refusal("localhost", 8001, ipaddress.ip_address("127.0.0.1"))
        assert allow.refusal("localhost", 8000, ipaddress.ip_address("127.0.0.2"))

    def test_a_network_is_allowed_on_every_port(self):
        allow = AllowList.parse([" 10.0.0.0/8 ", "fd00::/8"])
        assert allow.refusal("db", 1, ipaddress.ip_address("10.9.9.9")) == ""
        assert allow.refusal("db", 1, ipaddress.ip_address("::ffff:10.9.9.9")) == ""
        assert allow.refusal("db", 1, ipaddress.ip_address("fd00::5")) == ""
        assert allow.refusal("db", 1, ipaddress.ip_address("11.0.0.1")) == ""
        assert allow.refusal("db", 1, ipaddress.ip_address("192.168.0.1"))

    def test_a_relayed_form_of_an_allowed_network_stays_denied(self):
        assert AllowList.parse(["10.0.0.0/8"]).refusal("x", 80, ipaddress.ip_address("2002:a00:1::1"))

    def test_a_name_may_be_private_but_never_a_metadata_address(self):
        allow = AllowList.parse(["internal.example:80"])
        assert allow.refusal("Internal.Example.", 80, ipaddress.ip_address("10.0.0.1")) == ""
        assert allow.refusal("internal.example", 80, ipaddress.ip_address("127.0.0.1")) == ""
        assert allow.refusal("internal.example", 80, ipaddress.ip_address("169.254.169.254"))
        assert allow.refusal("internal.example", 80, ipaddress.ip_address("100.100.100.200"))
        assert allow.refusal("other.example", 80, ipaddress.ip_address("10.0.0.1"))

    def test_a_bracketed_ipv6_endpoint_is_understood(self):
        assert AllowList.parse(["[::1]:80"]).refusal("localhost", 80, ipaddress.ip_address("::1")) == ""

    @pytest.mark.parametrize("entry", ["localhost", "host:", "host:0", "host:99999", ":80", "10.0.0.0/99", "host:http"])
    def test_it_names_the_entry_it_does_not_understand(self, entry: str):
        with pytest.raises(ValueError, match=re.escape(repr(entry))):
            AllowList.parse([entry])
