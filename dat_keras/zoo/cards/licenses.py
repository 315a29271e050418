"""Licence identifiers that the Hub accepts."""

from __future__ import annotations

LICENSES = dict.fromkeys(
    (
        "apache-2.0 mit bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear "
        "cc0-1.0 cc-by-2.0 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 "
        "cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 "
        "cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 "
        "cc-by-nd-4.0 gpl gpl-2.0 gpl-3.0 agpl-3.0 lgpl lgpl-2.1 lgpl-3.0 "
        "mpl-2.0 artistic-2.0 bsl-1.0 ecl-2.0 epl-1.0 epl-2.0 eupl-1.1 "
        "eupl-1.2 isc ncsa unlicense wtfpl zlib afl-3.0 openrail "
        "creativeml-openrail-m bigscience-openrail-m other unknown"
    ).split()
)
"""Identifiers of licences that the Hub knows."""
