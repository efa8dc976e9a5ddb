# SPDX-License-Identifier: BSD-3-Clause
"""Authorities, keys and certificates of a test's own, made by openssl."""

import os
import subprocess


def openssl(*argv):
    subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True, timeout=60)


class Identity:
    """A key and its certificate; without an authority it signs itself."""

    def __init__(self, folder, name, authority=None, days=30):
        self.key = os.path.join(folder, f"{name}.key")
        self.certificate = os.path.join(folder, f"{name}.pem")
        signed = (["-CA", authority.certificate, "-CAkey", authority.key] if authority else
                  ["-addext", "basicConstraints=critical,CA:TRUE"])
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", f"/CN={name}", "-days", days, "-keyout", self.key, "-out",
                self.certificate, *signed)

    def options(self, authority):
        """As Open vSwitch's programs take it."""
        return [f"--private-key={self.key}", f"--certificate={self.certificate}",
                f"--ca-cert={authority.certificate}"]

    def fields(self, authority=None):
        """As a bridge takes it."""
        fields = {"ssl_private_key": self.key, "ssl_certificate": self.certificate}
        if authority:
            fields["ssl_ca_certificate"] = authority.certificate
        return ", ".join(f'{name}: "{path}"' for name, path in fields.items())
