"""A language model of 0.5 MB that is made on the spot, and llama.cpp serving it: `python tiny_model.py FOLDER PORT KEY`.

It says what follows the last sign of what it was asked: the alphabet, over and over, after a letter; the rest of `0123456789é`,
and then it ends, after a digit. All else in it is random, and too small to matter.
"""

import sys
import time
from pathlib import Path

NAME = "tiny-1"
CONTEXT = 4_096
WIDTH, LAYERS, HEADS, INNER = 64, 2, 4, 128
CERTAIN = 4.0  # the next token is 25 logits ahead of any other
NOISE = 0.002

LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789é"
CONTROL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{value:02X}>" for value in range(256)]
TOKENS = [*CONTROL, *BYTES, "\u2581", *LETTERS]
TEMPLATE = "{% for message in messages %}\n{{ message['role'] }}: {{ message['content'] }}{% endfor %}"


def followers() -> list[tuple[int, int]]:
    """Which token comes after which. The é comes as its two bytes."""
    letters = [TOKENS.index(letter) for letter in LETTERS]
    digits = [TOKENS.index(BYTES[value]) for value in DIGITS.encode()]
    return [*zip(letters, letters[1:] + letters[:1], strict=True), *zip(digits, [*digits[1:], 2], strict=True)]


def make(path: Path) -> None:
    import gguf
    import numpy as np

    random = np.random.default_rng(1)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(NAME)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    kinds += [gguf.TokenType.BYTE] * len(BYTES) + [gguf.TokenType.NORMAL] * (1 + len(LETTERS))
    writer.add_token_types(kinds)
    writer.add_token_scores([0.0] * len(TOKENS))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(TEMPLATE)

    def add(name, *shape):
        writer.add_tensor(name, random.standard_normal(shape).astype(np.float32) * np.float32(NOISE))

    meanings = random.standard_normal((len(TOKENS), WIDTH)).astype(np.float32)
    meanings /= np.linalg.norm(meanings, axis=1, keepdims=True)
    said = np.zeros_like(meanings)
    for token, following in followers():
        said[following] = CERTAIN * meanings[token]
    writer.add_tensor("token_embd.weight", meanings)
    writer.add_tensor("output.weight", said)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for layer in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(WIDTH, np.float32))
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{part}.weight", WIDTH, WIDTH)
        add(f"blk.{layer}.ffn_gate.weight", INNER, WIDTH)
        add(f"blk.{layer}.ffn_up.weight", INNER, WIDTH)
        add(f"blk.{layer}.ffn_down.weight", WIDTH, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def serve(model: Path, port: int, key: str) -> None:
    import xllamacpp

    asked = xllamacpp.CommonParams()
    asked.model.path = str(model)
    asked.model_alias = {NAME}
    asked.hostnames = ["127.0.0.1"]
    asked.port = port
    asked.api_keys = [key]
    asked.n_ctx = CONTEXT
    asked.n_parallel = 1
    asked.cpuparams.n_threads = 1
    asked.cpuparams_batch.n_threads = 1
    asked.endpoint_slots = True
    asked.warmup = False
    serving = xllamacpp.Server(asked)
    print(serving.listening_address, flush=True)
    while True:
        time.sleep(3_600)


if __name__ == "__main__":
    folder, port, key = sys.argv[1:]
    made = Path(folder) / "tiny.gguf"
    make(made)
    serve(made, int(port), key)
