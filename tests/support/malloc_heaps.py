"""Into how many arenas glibc has put what threads allocated."""

import ctypes
import tempfile
import threading

THREADS = 4


def malloc_heaps() -> int:
    """Lets four threads allocate at a time, and counts glibc's arenas."""
    libc = ctypes.CDLL(None)
    ready = threading.Barrier(THREADS)

    def allocate():
        libc.malloc(1000)
        ready.wait()

    threads = [threading.Thread(target=allocate) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    libc.fopen.restype = ctypes.c_void_p
    with tempfile.NamedTemporaryFile() as file:
        stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
        libc.malloc_info(0, stream)
        libc.fclose(stream)
        return file.read().count(b"<heap nr=")
