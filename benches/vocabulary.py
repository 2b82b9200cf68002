"""Content of the generated responses: tokens with realistic frequencies, long prompts, tools, arguments, code, images.

All of it is derived from `random.Random` with a given or a fixed seed.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

_WORDS = (
    "the of and a to in is you that it for as with this are on be or by from your can an will not at have which if use when has more "
    "all but one their we other about out into up time them some could these two may then do first any my now such like our over me "
    "even most made after also did many before must through back years where much way well down should because each just those people "
    "how too little state good very make world still own see men work long get here between both life being under never day same "
    "another know while last might us great old year off come since against go came right used take three response stream event model "
    "token function value object string number list index order return result error message content field default example request "
    "server client system data file line byte buffer chunk parse decode memory thread column table query schema type class method call "
    "argument parameter variable constant loop branch condition exception test benchmark latency throughput performance temperature "
    "weather Berlin Paris Tokyo London Monday January equation integral derivative probability distribution sample mean variance "
    "algorithm complexity recursive implementation understanding international communication responsibilities characteristics"
).split()
_PIECES = (
    ". , , . : ; ! ? ) ( - ' \" 's 't 'll 're ing ed ly er tion s \n \n\n .\n\n :\n\n ** ** ` `` ```python\n ```\n - # ## ### 1 2 3 10 25 100 2024 "
    '\t \\ / // () [] {} == -> => += _ __init__ self def return import print(f" ") $ \\( \\) \\frac{ } ^2 % %s 50% & < > </ />'
)


def _interleaved(words: Sequence[str], pieces: Sequence[str]) -> tuple[str, ...]:
    """Words with a piece after every third one: punctuation is as frequent as in prose and code."""
    tokens = [" " + word for word in words]
    for index, piece in enumerate(pieces):
        tokens.insert(4 * index + 3, piece)
    return tuple(tokens)


ENGLISH = _interleaved(_WORDS, _PIECES.split(" "))

_FOREIGN = (
    "Größe für über Straße naïve café déjà être garçon ¿Qué mañana ¡Feliz Navidad! São João Łódź Čeština příliš žluťoučký Ελληνικά "
    "Привет мир Україна שלום עולם مرحبا بالعالم नमस्ते दुनिया สวัสดี 你好 世界 的 是 不 我们 请问 日本語 こんにちは ありがとう カタカナ 안녕하세요 세계 "
    "😀 🎉 👍🏽 👩\u200d💻 🇩🇪 𝒳 𝔘 𐍈 e\u0301 € £ ½ × ≤ ∑ ∫ √ → “quoted” ‘x’ … – — ° ² \u00a0 \u2028 \u0085 \u200b \ufeff / </p> \x07 \x1b[0m \b \f \x7f"
)
FOREIGN: tuple[str, ...] = tuple(token if index % 3 else " " + token for index, token in enumerate(_FOREIGN.split(" ")))

CJK: tuple[str, ...] = tuple(
    "的 是 不 我们 请问 可以 今天 天气 怎么样 ， 。 这个 问题 需要 一下 日本語 です ます こんにちは 、 ありがとう ください カタカナ 東京 を に は が "
    "한국어 안녕하세요 세계 입니다 감사합니다 를 은 는 오늘 날씨".split()
)

REFUSALS: tuple[str, ...] = tuple(
    " " + word
    for word in "I'm sorry , but can't assist with that request help you something else instead . safe".split()
)

NOISE = "".join(random.Random("noise").choices(string.ascii_letters + string.digits, k=1 << 16))

_ZIPF = {
    words: list(accumulate(1 / (rank + 8) for rank in range(len(words)))) for words in (ENGLISH, FOREIGN, REFUSALS, CJK)
}
_TOKEN = re.compile(r"[A-Za-z]{1,9}|\d{1,3}|[^A-Za-z\d]{1,3}")
_FIELDS = (
    "location",
    "latitude",
    "longitude",
    "unit",
    "query",
    "path",
    "start_date",
    "end_date",
    "max_results",
    "recipients",
    "notes",
)


def tokens(rng: random.Random, count: int, words: tuple[str, ...] = ENGLISH) -> list[str]:
    """`count` tokens from `words`; earlier ones are more frequent."""
    return rng.choices(words, cum_weights=_ZIPF[words], k=count)


def cut(text: str) -> list[str]:
    """Pieces of one to nine characters, as a tokenizer would split code or JSON; joined they are `text`."""
    return _TOKEN.findall(text)


def cut_small(rng: random.Random, text: str) -> list[str]:
    """Pieces of one to three characters; joined they are `text`."""
    ends = [0]
    while ends[-1] < len(text):
        ends.append(ends[-1] + rng.randint(1, 3))
    return [text[start:end] for start, end in pairwise(ends)]


def arguments(rng: random.Random) -> str:
    """The arguments of a function call: a JSON object as text."""
    names = rng.sample(_FIELDS, rng.randint(1, 6))
    return json.dumps({name: _argument(rng) for name in names}, separators=(",", ":"), ensure_ascii=False)


def _argument(rng: random.Random) -> Any:
    kind = rng.randrange(5)
    if kind == 0:
        return round(rng.uniform(-180, 180), 4)
    if kind == 1:
        return rng.choice((True, False, None, rng.randrange(1000)))
    if kind == 2:
        return [word.strip() for word in tokens(rng, 3)]
    return "".join(tokens(rng, rng.randint(1, 30), FOREIGN if kind == 3 and rng.random() < 0.2 else ENGLISH)).strip()


def code(rng: random.Random) -> str:
    """The input of a custom tool: a few lines of Python with quotes, tabs and backslashes."""
    lines = [
        f'\t{word.strip()}_{index} = f"{"".join(tokens(rng, 4))}\\n"'
        for index, word in enumerate(tokens(rng, rng.randint(2, 12)))
    ]
    return "def run(path='C:\\\\tmp'):\n" + "\n".join(lines) + "\n"


def instructions(rng: random.Random, chars: int) -> str:
    """A long system prompt in Markdown: paragraphs, lists and quotes."""
    words = tokens(rng, chars // 5)
    words[::40] = ["\n\n"] * len(words[::40])
    words[7::90] = ['\n- "'] * len(words[7::90])
    return "# Role\n" + "".join(words)


def tool_definitions(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """`count` function tools with JSON schemas, as the lifecycle events repeat them."""
    return [_tool_definition(rng, index) for index in range(count)]


def _tool_definition(rng: random.Random, index: int) -> dict[str, Any]:
    names = rng.sample(_FIELDS, rng.randint(1, 6))
    properties = {name: {"type": "string", "description": "".join(tokens(rng, 20)).strip()} for name in names}
    parameters = {"type": "object", "properties": properties, "required": names, "additionalProperties": False}
    description = "".join(tokens(rng, 60)).strip()
    return {
        "type": "function",
        "description": description,
        "name": f"tool_{index}",
        "parameters": parameters,
        "strict": True,
    }


def azure_members(rng: random.Random) -> dict[str, Any]:
    """What Azure adds to a response: the results of its content filters, and the usage of tools."""
    results = {
        kind: {"filtered": False, "severity": rng.choice(("safe", "safe", "low"))}
        for kind in ("hate", "self_harm", "sexual", "violence")
    }
    offsets = {"start_offset": 0, "end_offset": rng.randint(40, 4000), "check_offset": 0}
    filters: list[dict[str, Any]] = [
        {
            "blocked": False,
            "source_type": source,
            "content_filter_raw": [],
            "content_filter_results": results,
            **offsets,
        }
        for source in ("prompt", "completion")
    ]
    details = {"image_tokens": 0, "text_tokens": 0}
    image = {"input_tokens": 0, "input_tokens_details": details, "output_tokens": 0, "output_tokens_details": details}
    usage = {"image_gen": {**image, "total_tokens": 0}, "web_search": {"num_requests": 0}}
    return {"content_filters": filters, "moderation": None, "tool_usage": usage}


def base64_text(rng: random.Random, chars: int, *, urlsafe: bool = False) -> str:
    """`chars` characters of base64 (a multiple of 4 has no remainder)."""
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    return encode(rng.randbytes(chars // 4 * 3)).decode()


def logprobs(rng: random.Random, token: str, alternatives: int) -> list[dict[str, Any]]:
    """The `logprobs` of one delta: the token and its most likely alternatives."""
    top = [_logprob(rng, other) for other in (token, *tokens(rng, alternatives - 1))] if alternatives else []
    return [{**_logprob(rng, token), "top_logprobs": top}]


def _logprob(rng: random.Random, token: str) -> dict[str, Any]:
    value = -(rng.random() ** 8) * 20
    return {"token": token, "bytes": list(token.encode()), "logprob": round(value, 12)}
