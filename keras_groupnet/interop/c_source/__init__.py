"""A converted net as one self-contained C99 file.

`to_c` is the entry; `static_graph` reads the file, one module a family of ops writes their code,
`memory` says where tensors lie, `source` puts it all together. The C functions that several ops
call are in `runtime/`.
"""
