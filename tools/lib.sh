# SPDX-License-Identifier: ISC
# Shared by tools/demo, tools/test and tools/bench: what they need on a machine, and how to get it.
# Each need is PROBE=PACKAGE; a probe is a command, pkg:MODULE or file:PATH.

PATH=$PATH:/usr/sbin:/sbin

BUILD_NEEDS=(gcc=gcc file:/usr/include/stdio.h=libc6-dev meson=meson ninja=ninja-build
    pkg-config=pkgconf pkg:libmnl=libmnl-dev pkg:json-c=libjson-c-dev)
HOST_NEEDS=(python3=python3 ip=iproute2 ping=iputils-ping iperf3=iperf3 unshare=util-linux
    sysctl=procps)
TEST_NEEDS=(clang=clang clang-format=clang-format pkg:cmocka=libcmocka-dev scdoc=scdoc
    ethtool=ethtool tcpdump=tcpdump setpriv=util-linux strip=binutils git=git
    ovs-vswitchd=openvswitch-switch pkg:libpcap=libpcap-dev tshark=tshark
    file:/usr/lib/python3/dist-packages/prometheus_client=python3-prometheus-client)

say() {
    printf '\n== %s\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

is_here() {
    case $1 in
    pkg:*) command -v pkg-config >/dev/null && pkg-config --exists "${1#pkg:}" ;;
    file:*) [ -e "${1#file:}" ] ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

apt_install() {
    [ "$(id -u)" = 0 ] || die "missing packages: $* (run as root to install them)"
    command -v apt-get >/dev/null || die "missing, and there is no apt-get: $*"
    say "installing $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null
    apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null
}

# install_missing NEED... : asks apt only if something is not there.
install_missing() {
    local need missing=()
    for need in "$@"; do
        is_here "${need%%=*}" || missing+=("${need#*=}")
    done
    [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
}

# The sanitizers' runtime is a package of its own, named after the compiler's version.
install_sanitizers() {
    local major
    if ! echo 'int main(void) { return 0; }' |
        clang -fsanitize=address,undefined -x c -o /dev/null - 2>/dev/null; then
        major=$(clang -dumpversion)
        apt_install "libclang-rt-${major%%.*}-dev"
    fi
}
