"""Writes the digests of releases into lists of Python packages.

    hashes.py UV LIST...

UV is the program uv, which asks the package index. A list has a line
name==version for each package, which stays as it is, as comments do. Behind it
come the digests of the release's files that a Python of ours could install:
wheels for 3.11 and 3.12 on Linux and macOS, of x86-64 and of arm64, and the
sources. pip takes no other file then.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

PYTHONS = {"cp311", "cp312", "py3", "py311", "py312"}
PLATFORM = re.compile(r"any|(manylinux|musllinux|linux).*_(x86_64|aarch64)|macosx_.*")


def key(name):
    return re.sub("[-_.]+", "-", name).lower()


def fits(wheel):
    """Tells whether a Python of ours could install a wheel, by its name."""
    pythons, abis, platforms = wheel.removesuffix(".whl").split("-")[-3:]
    stable = "abi3" in abis.split(".") and re.match(r"cp3([0-9]|1[0-2])(\.|$)", pythons)
    return bool(stable or PYTHONS & set(pythons.split("."))) and any(PLATFORM.fullmatch(p) for p in platforms.split("."))


def digests(uv, packages):
    """Returns the digests of each package's files, sorted."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answer = pathlib.Path(folder, "asked.txt"), pathlib.Path(folder, "pylock.toml")
        # All of them on every platform: markers are pip's affair.
        asked.write_text("".join(package.partition(";")[0] + "\n" for package in packages))
        subprocess.run([uv, "pip", "compile", asked, "--quiet", "--no-deps", "--universal", "--python-version", "3.11",
                        "--no-config", "--no-sources", "--format", "pylock.toml", "-o", answer], check=True)
        found = {}
        for package in tomllib.loads(answer.read_text())["packages"]:
            files = [w for w in package.get("wheels", []) if fits(w["url"].rpartition("/")[2])]
            files += [package["sdist"]] if "sdist" in package else []
            found[key(package["name"])] = sorted({f["hashes"]["sha256"] for f in files})
        return found


def main(uv, *lists):
    for path in map(pathlib.Path, lists):
        lines = [line.removesuffix(" \\") for line in path.read_text().splitlines() if not line.startswith("    --hash=")]
        packages = [line for line in lines if line and not line.startswith("#")]
        found = digests(uv, packages)
        with path.open("w") as out:
            for line in lines:
                names = found[key(line.partition("==")[0])] if line in packages else []
                print(line, *(f"    --hash=sha256:{digest}" for digest in names), sep=" \\\n", file=out)


if __name__ == "__main__":
    main(*sys.argv[1:])
