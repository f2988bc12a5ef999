"""Texts as tokens: what is framed, filled, refused; nothing is cut in silence."""

from __future__ import annotations

import json
import sys

import pytest

from tangent_bench.language.tables import PADDING, trimmed
from tangent_bench.language.tokens import WordPieces
from tests.language.small import found_weights

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "man", "##go", "eat", "##s", "[", "]", "pad")


def tokenizer(words=WORDS):
    """As the package's file is: lower case, framed; it cuts at 4 tokens and fills up to 4."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    made = Tokenizer(models.WordPiece({w: n for n, w in enumerate(words)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(word, words.index(word)) for word in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    made.enable_truncation(4)
    made.enable_padding(length=4, pad_id=words.index("[PAD]"), pad_token="[PAD]")
    return made


@pytest.fixture
def file(tmp_path):
    tokenizer().save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def words(tokens_L):
    return [WORDS[token] for token in tokens_L]


def test_texts_are_framed_and_filled_up_to_the_longest(file):
    tokens_BL = WordPieces(file)(["A man", "a man eats a MANGO"])
    assert words(tokens_BL[0]) == ["[CLS]", "a", "man", "[SEP]"] + 5 * ["[PAD]"]
    assert words(tokens_BL[1]) == ["[CLS]", "a", "man", "eat", "##s", "a", "man", "##go", "[SEP]"]
    assert WORDS[PADDING] == "[PAD]"


def test_a_text_that_speaks_of_padding_is_read(file):
    (tokens_L,) = WordPieces(file)(["a [PAD]"])
    assert words(tokens_L) == ["[CLS]", "a", "[", "pad", "]", "[SEP]"]


@pytest.mark.parametrize("empty", ["", "  \n", "\u200b\x00"])
def test_an_empty_text_is_refused_in_words(file, empty):
    with pytest.raises(ValueError, match="Text 1 is .*nothing to read: leave it out"):
        WordPieces(file)(["a", empty])


def test_a_text_that_is_too_long_is_refused_in_words(file):
    read = WordPieces(file, longest=4)
    assert read(["a man"]).shape == (1, 4) and read.length("a man eats") == 6
    with pytest.raises(ValueError, match=r"Text 0, 'a man eats', has 6 tokens.*reads 4: shorten"):
        read(["a man eats"])


def test_texts_are_cut_where_this_is_asked_for(file):
    """The end of a text stays; what is short is filled up to the size."""
    tokens_BL = WordPieces(file).cut(["a man eats a mango", "a man", "a man eat"], 5)
    assert words(tokens_BL[0]) == ["[CLS]", "a", "man", "eat", "[SEP]"]
    assert words(tokens_BL[1]) == ["[CLS]", "a", "man", "[SEP]", "[PAD]"]
    assert words(tokens_BL[2]) == ["[CLS]", "a", "man", "eat", "[SEP]"]
    with pytest.raises(ValueError, match="Text 0 is '': leave|Text 0 is ''"):
        WordPieces(file).cut([""], 5)


def test_a_batch_of_short_texts_is_trimmed(file):
    tokens_BL = WordPieces(file)(["a", "a man", "a man eats a mango"])
    assert trimmed(tokens_BL[:2]).tolist() == tokens_BL[:2, :4].tolist()
    assert trimmed(tokens_BL) is not tokens_BL and trimmed(tokens_BL).equal(tokens_BL)


def test_no_text_at_all_is_refused_in_words(file):
    with pytest.raises(ValueError, match="No text was given"):
        WordPieces(file)([])


def test_files_that_are_no_tokenizer_are_refused_in_words(tmp_path):
    with pytest.raises(ValueError, match="There is no .*expected the tokenizer.json"):
        WordPieces(tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer.json").write_text(json.dumps({"version": "1.0"}))
    with pytest.raises(ValueError, match="is no tokenizer .*copy it again"):
        WordPieces(tmp_path / "tokenizer.json")
    tokenizer(("a", *WORDS[:4])).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match="pads with token 1, but the encoder passes over token 0"):
        WordPieces(tmp_path / "tokenizer.json")


def test_a_missing_library_is_named(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ValueError, match=r"'tokenizers' is not installed.*tangent-bench\[language"):
        WordPieces(file)


@pytest.mark.slow
def test_the_public_tokenizer_reads_as_that_of_transformers():
    from transformers import BertTokenizerFast

    place = found_weights()
    theirs = BertTokenizerFast.from_pretrained(str(place))
    texts = ["A man is eating food.", "Néon", "ﬁne — “quoted”", "Łódź 漢字", "x" * 300]
    found = WordPieces(place / "tokenizer.json")(texts)
    expected = theirs(texts, padding=True, truncation=False, return_tensors="pt")["input_ids"]
    assert found.tolist() == expected.tolist()
