"""Holds SBOMs against CycloneDX's own schema: check.py FILE..."""

import pathlib
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

judge = JsonStrictValidator(SchemaVersion.V1_6)
faults = [(name, fault) for name in sys.argv[1:] if (fault := judge.validate_str(pathlib.Path(name).read_text()))]
for name, fault in faults:
    print(f"{name}: {fault}")
sys.exit(bool(faults))
