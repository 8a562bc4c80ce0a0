"""The engines that are compared, by name; the library of one is imported when it is asked for, in a child process."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from bench.contenders.base import Contender
from bench.corpus import Corpus

OURS = "ours"
_CLASSES = MappingProxyType(
    {
        OURS: "bench.ours:Ours",
        "faiss-flat-l2": "bench.contenders.faiss:FlatL2",
        "faiss-flat-ip": "bench.contenders.faiss:FlatIP",
        "faiss-ivf-flat": "bench.contenders.faiss:Ivf",
        "faiss-hnsw-flat": "bench.contenders.faiss:Hnsw",
        "numpy-float32": "bench.contenders.numpy:Float32",
        "numpy-float16": "bench.contenders.numpy:Float16",
        "sqlite-vec": "bench.contenders.sqlite_vec:Virtual",
        "sqlite-vec-table": "bench.contenders.sqlite_vec:Plain",
        "hnswlib": "bench.contenders.hnswlib:Hnswlib",
        "usearch": "bench.contenders.usearch:Usearch",
    }
)
NAMES = tuple(_CLASSES)


def contender(name: str) -> Callable[[Corpus, Path], Contender]:
    """The class that goes by a name of NAMES."""
    module, _, name_of_class = _CLASSES[name].partition(":")
    made: Callable[[Corpus, Path], Contender] = getattr(import_module(module), name_of_class)
    return made
