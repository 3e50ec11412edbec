"""Builds the package: SWIG's wrapper, the binding, and libwtel.

libwtel comes from the checkout that this folder stands in (or from the copy in the source tarball), built with meson as
a static library; with WTEL_SYSTEM=1 from an installed one that pkg-config knows. WTEL_SANITIZE=1 builds all of it with
the address sanitizer, for tests. Wanted, by Debian's names:
python3-dev swig gcc meson ninja-build pkg-config libjansson-dev libsqlite3-dev libpq-dev libssl-dev libcrypt-dev libc-ares-dev
"""

import os
import shutil
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

HERE = os.path.dirname(os.path.abspath(__file__))
COPY = os.path.join(HERE, "libwtel-source")
ROOT = COPY if os.path.isdir(COPY) else os.path.dirname(os.path.dirname(HERE))
BINDINGS = os.path.join(ROOT, "bindings")
SANITIZE = ["-fsanitize=address,undefined", "-fno-omit-frame-pointer"] if os.environ.get("WTEL_SANITIZE") else []
SOURCES = ["ask.c", "binding.c", "block.c", "options.c", "text.c"]
COPIED = ["LICENSE", "README.md", "meson.build", "meson_options.txt", "include", "libwtel", "bindings/ask.c", "bindings/binding.c",
          "bindings/block.c", "bindings/options.c", "bindings/text.c", "bindings/binding.h", "bindings/core.h", "bindings/meson.build",
          "bindings/wtel.i", "bindings/python/wtel_python.i"]


def run(*command, **options):
    try:
        return subprocess.run(command, check=True, **options)
    except FileNotFoundError:
        sys.exit("wtel: %s is needed to build this package; see setup.py for all that is" % command[0])
    except subprocess.CalledProcessError as error:
        sys.exit("wtel: %s failed: %s" % (" ".join(command), (error.stderr or b"").decode("utf-8", "replace")))


def pkg_config(*words, path=None):
    environment = dict(os.environ)
    if path:
        environment["PKG_CONFIG_PATH"] = path + os.pathsep + environment.get("PKG_CONFIG_PATH", "")
    return run("pkg-config", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment).stdout.decode().split()


class Build(build_ext):
    def compiled(self):
        """Compiler's and linker's words for libwtel."""
        if os.environ.get("WTEL_SYSTEM"):
            return pkg_config("--cflags", "wtel", "jansson"), pkg_config("--libs", "wtel", "jansson")
        folder = os.path.join(os.path.abspath(self.build_temp), "libwtel")
        if not os.path.exists(os.path.join(folder, "build.ninja")):
            run("meson", "setup", folder, ROOT, "--buildtype=release", "-Ddefault_library=static", "-Db_staticpic=true",
                "-Dcli=disabled", "-Dexamples=disabled", "-Dtests=disabled",
                *(["-Db_sanitize=address,undefined", "-Db_lundef=false"] if SANITIZE else []), stdout=subprocess.DEVNULL)
        run("ninja", "-C", folder, "libwtel/libwtel.a", stdout=subprocess.DEVNULL)
        path = os.path.join(folder, "meson-uninstalled")
        flags = pkg_config("--cflags", "wtel-uninstalled", "jansson", path=path)
        # The library itself by its file; what it stands on is linked as shared libraries.
        others = pkg_config("--print-requires", "--print-requires-private", "wtel-uninstalled", path=path)
        others = [word for word in others if word[0].isalpha()]
        return flags, [os.path.join(folder, "libwtel", "libwtel.a"), *pkg_config("--libs", "jansson", *others)]

    def build_extension(self, extension):
        os.makedirs(self.build_temp, exist_ok=True)
        wrapper = os.path.join(self.build_temp, "wtel_wrap.c")
        run("swig", "-python", "-threads", "-module", "native", "-interface", "_native", "-I" + BINDINGS, "-outdir",
            self.build_temp, "-o", wrapper, os.path.join(BINDINGS, "wtel.i"))
        flags, words = self.compiled()
        extension.sources = [wrapper, *(os.path.relpath(os.path.join(BINDINGS, name)) for name in SOURCES)]
        extension.include_dirs.append(BINDINGS)
        extension.extra_compile_args += ["-std=gnu11", "-fvisibility=hidden", "-D_GNU_SOURCE", *SANITIZE, *flags]
        extension.extra_link_args += [*SANITIZE, *words]
        super().build_extension(extension)


class Source(sdist):
    """The tarball holds libwtel's own source, so that it can be built anywhere."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        for name in COPIED:
            source, target = os.path.join(ROOT, name), os.path.join(base_dir, "libwtel-source", name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.isdir(source):
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, target)


setup(ext_modules=[Extension("wtel._native", ["wtel_wrap.c"])], cmdclass={"build_ext": Build, "sdist": Source})
