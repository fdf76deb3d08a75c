#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The unit and its user are what systemd takes, and what the daemon does.

usage: service.py RINGSPAND UNIT SYSUSERS NETNS
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

RINGSPAND, UNIT, SYSUSERS, NETNS = (pathlib.Path(path).resolve() for path in sys.argv[1:5])
SKIPPED = 77  # meson's exit code for a skipped test
OLDEST_SYSTEMD = 250
MOST_PORTS = 4096


def run(*argv):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


class Service(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def verify(self, text):
        path = self.folder / "ringspand.service"
        path.write_text(text)
        return run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path)

    def test_unit(self):
        """As it is, but for the programs and the user, who are not installed here."""
        text = re.sub(r"^(Exec\w+)=\S+", rf"\1={RINGSPAND}", UNIT.read_text(), flags=re.MULTILINE)
        done = self.verify(text)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("ringspand", done.stdout)  # of other units it may say what it likes
        for line, wrong in (("WatchdogSec=often", "often"), ("Typo=notify", "Typo"),
                            ("SystemCallFilter=@nonsense", "@nonsense")):
            done = self.verify(text.replace("[Install]", line + "\n[Install]"))
            self.assertIn(wrong, done.stdout)

    def test_taps(self):
        """Made through a device node, which the hardening must not hide."""
        text = UNIT.read_text()
        self.assertIn("\nDeviceAllow=/dev/net/tun rw\n", text)
        self.assertNotIn("\nPrivateDevices=yes", text)
        self.assertRegex(text, r"\nAmbientCapabilities=.*CAP_NET_ADMIN")

    def test_exposure(self):
        """What systemd itself thinks of the hardening; it calls below 5 medium, 2 is good."""
        done = run("systemd-analyze", "security", "--offline=yes", "--threshold=25", "--no-pager", UNIT)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_namespaces(self):
        """With the file for namespaces: it enters them, sees what is mounted, and stays confined."""
        added = NETNS.read_text().partition("[Service]\n")[2]
        text = re.sub(r"^(Exec\w+)=\S+", rf"\1={RINGSPAND}", UNIT.read_text(), flags=re.MULTILINE)
        text = text.replace("[Install]", added + "\n[Install]")
        done = self.verify(text)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("ringspand", done.stdout)
        done = run("systemd-analyze", "security", "--offline=yes", "--threshold=30", "--no-pager",
                   self.folder / "ringspand.service")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("SYS_ADMIN", UNIT.read_text())
        self.assertIn("setns", run("systemd-analyze", "syscall-filter", "@process").stdout)
        self.assertIn("@process", run("systemd-analyze", "syscall-filter", "@system-service").stdout)

    def test_isolation(self):
        """Loading programs takes a capability and a system call; links take descriptors."""
        text = UNIT.read_text()
        capabilities = {"CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_BPF"}
        for key in ("AmbientCapabilities", "CapabilityBoundingSet"):
            self.assertLessEqual(capabilities, set(self.words(text, key)))
        self.assertIn("bpf", self.words(text, "SystemCallFilter"))
        self.assertGreater(int(self.words(text, "LimitNOFILE")[0]), 5 * MOST_PORTS)

    def words(self, text, key):
        return re.search(rf"^{key}=(.*)$", text, re.MULTILINE)[1].split()

    def test_user(self):
        (self.folder / "etc").mkdir()
        done = run("systemd-sysusers", f"--root={self.folder}", SYSUSERS)
        self.assertEqual(done.returncode, 0, done.stdout)
        user = re.search(r"^User=(.*)$", UNIT.read_text(), re.MULTILINE)[1]
        self.assertIn(f"\n{user}:", "\n" + (self.folder / "etc/passwd").read_text())
        self.assertIn(f"\n{user}:", "\n" + (self.folder / "etc/group").read_text())


def obstacle():
    """Why this machine cannot judge, or None."""
    for tool in ("systemd-analyze", "systemd-sysusers"):
        if not shutil.which(tool):
            return f"there is no {tool}"
    version = run("systemd-analyze", "--version").stdout
    if int(re.search(r"\d+", version)[0]) < OLDEST_SYSTEMD:
        return f"systemd before {OLDEST_SYSTEMD} cannot judge a unit that is not installed: {version}"
    return None


if __name__ == "__main__":
    if obstacle():
        print("SKIPPED:", obstacle())
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1])
