"""The local embedder's graph without its table of words.

The weights are int8 numbers that the graph itself turns into float32 before it computes with them. onnxruntime does
that once, when it loads the graph, and of the table of 30,522 words (12 MB) makes 47 MB of which a text needs a few
rows. So the table is taken out: what the graph looked up in it becomes an input, and whoever runs it reads the rows of
its words from the file, which processes can share (`embedder.Model`). The numbers are the same to the last bit.

A model is a message of Protocol Buffers (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto): ``graph`` is field 7
of a ModelProto; of a GraphProto 1 are nodes, 5 tensors, 11 inputs; of a NodeProto 2 are outputs. It is read and written
here as bytes, since a package for it would be larger than all of the model.
"""

from collections.abc import Iterator

from msgspec import Struct

TABLE = "inner.embeddings.word_embeddings.weight"
FOUND = "embedding"
"""What the graph calls the rows of a text's words, float32 [batch, sequence, 384]; an input now."""
_NODES = frozenset((f"{TABLE}_f", TABLE, FOUND))
"""What they put out: the table as float32, scaled, and the rows that were looked up in it."""
_GRAPH, _NODE, _TENSOR, _INPUT = 7, 1, 5, 11
_OUTPUT, _TENSOR_NAME, _RAW, _INPUT_NAME = 2, 8, 9, 1
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


class Cut(Struct, frozen=True, kw_only=True):
    """``table``: where the words' int8 rows lie in the file, as [from, to); ``scales``: a float32 for each row."""

    graph: bytes
    table: tuple[int, int]
    scales: bytes


def without_table(model: bytes, dimension: int) -> Cut:
    """Raises `ValueError` for a model that has no such table: it is another one than this was written for."""
    view = memoryview(model)
    out = bytearray()
    table: tuple[int, int] | None = None
    scales = b""
    for number, start, low, high in _fields(view, 0, len(view)):
        if number != _GRAPH:
            out += view[start:high]
            continue
        graph = bytearray()
        for part, begins, inner, end in _fields(view, low, high):
            if part == _NODE and _text(view, inner, end, _OUTPUT) in _NODES:
                continue
            name = _text(view, inner, end, _TENSOR_NAME) if part == _TENSOR else ""
            if name == f"{TABLE}_q":
                table = _place(view, inner, end, _RAW)
            elif name == f"{TABLE}_scale":
                first, last = _place(view, inner, end, _RAW) or (0, 0)
                scales = bytes(view[first:last])
            elif part == _INPUT and _text(view, inner, end, _INPUT_NAME) == "input_ids":
                graph += _framed(_INPUT, _input(dimension))
            else:
                graph += view[begins:end]
        out += _framed(_GRAPH, bytes(graph))
    if table is None or not scales or len(scales) // 4 * dimension != table[1] - table[0]:
        raise ValueError(f"the model has no table {TABLE} of {dimension} int8 numbers a row")
    return Cut(graph=bytes(out), table=table, scales=scales)


def _input(dimension: int) -> bytes:
    """The ValueInfoProto of `FOUND`: its name, and a tensor of float32 (1) with two open dimensions and a fixed one."""
    dimensions = (_framed(2, b"batch"), _framed(2, b"sequence"), b"\x08" + _varint(dimension))
    shape = b"".join(_framed(1, each) for each in dimensions)
    return _framed(_INPUT_NAME, FOUND.encode()) + _framed(2, _framed(1, b"\x08\x01" + _framed(2, shape)))


def _fields(view: memoryview, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Each field's number, where it begins, and where its value does and ends."""
    while at < end:
        start = at
        key, at = _read_varint(view, at)
        kind = key & 7
        length = 8 if kind == _EIGHT else 4
        if kind == _VARINT:
            _, after = _read_varint(view, at)
            length = after - at
        elif kind == _BYTES:
            length, at = _read_varint(view, at)
        elif kind not in (_EIGHT, _FOUR):
            raise ValueError(f"the model is no message of Protocol Buffers: a field of kind {kind}")
        if at + length > end:
            raise ValueError("the model is cut off")
        yield key >> 3, start, at, at + length
        at += length


def _place(view: memoryview, low: int, high: int, wanted: int) -> tuple[int, int] | None:
    return next(((inner, end) for number, _, inner, end in _fields(view, low, high) if number == wanted), None)


def _text(view: memoryview, low: int, high: int, wanted: int) -> str:
    found = _place(view, low, high, wanted)
    return "" if found is None else bytes(view[found[0] : found[1]]).decode()


def _read_varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(view):
            raise ValueError("the model is cut off")
        byte = view[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _framed(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value
