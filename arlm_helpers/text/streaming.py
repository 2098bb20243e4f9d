"""Text from ids that arrive one by one, without ever showing a broken character."""

import codecs

from arlm_helpers.text.tokenizers import Tokenizer


class StreamingDecoder:
    """Decode ids as they arrive: ``push`` returns the text that is complete by now.

    A character of UTF-8 has up to four bytes, and a token may end between them. The bytes of an
    unfinished character wait inside; bytes that can no longer become one come out as ``⟨E4⟩`` at once.
    For every list of ids, all results of ``push`` and then ``flush`` joined equal ``tokenizer.decode(ids)``.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("show-invalid")

    def push(self, token_id: int) -> str:
        """Take one id and return the text that it completes, often a word, sometimes nothing.

        Raises:
            ValueError: if ``token_id`` is not in the vocabulary; the decoder stays as it was.
        """
        return self._decoder.decode(self.tokenizer.token_bytes(token_id))

    def flush(self) -> str:
        """Return what still waits, as ``⟨E4⟩`` per byte, and start afresh."""
        return self._decoder.decode(b"", final=True)
