"""The bot as OpenAI's own client sees it: answers, streams, models, errors."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import re
from collections.abc import Iterator

import openai
import pytest
from starlette.testclient import TestClient
from web_fixtures import address, app, bot, client, hostile_bot, local_client

from qa.access import Access
from qa.bot import Bot
from qa.web.bodies import OpenAIError
from qa.web.openai_api import CompletionAnswer, ModelList
from qa.web.server import build_app

QUESTION = "景山街道总工会三八节发了多少口罩？"


@pytest.fixture(scope="module")
def theirs(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as opened:
        yield opened


def test_the_answer_is_the_assistants_message_with_numbered_sources(theirs: openai.OpenAI, bot: Bot) -> None:
    answer = theirs.chat.completions.create(model="wenbao", messages=[{"role": "user", "content": QUESTION}])
    record = bot.ask(QUESTION)
    content = answer.choices[0].message.content or ""
    assert content.startswith(f"**{record['answer']}**")
    assert record["passages"][0]["text"].replace(" ", "") in content.replace("\\", "").replace(" ", "")
    numbers = re.findall(r"^(\d+)\. \[", content, re.MULTILINE)
    assert numbers == [str(passage["rank"]) for passage in record["passages"]]
    assert re.findall(r"\]\(http://127\.0\.0\.1:7860/articles/(\d+)\?", content) == [
        str(passage["source"]["article_id"]) for passage in record["passages"]
    ]
    span = record["passages"][0]["answer_span"]
    assert content.count("&answer=") == content.count(f"&answer={span['start']}-{span['end']}&") == 1
    assert (answer.object, answer.model, answer.choices[0].finish_reason) == ("chat.completion", "wenbao", "stop")
    assert answer.model_extra is not None
    assert answer.model_extra["wenbao"]["passages"] == record["passages"]


def test_a_stream_is_the_same_message_in_pieces(theirs: openai.OpenAI) -> None:
    messages: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]
    whole = theirs.chat.completions.create(model="wenbao", messages=messages).choices[0].message.content
    pieces = list(
        theirs.chat.completions.create(
            model="wenbao", messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == whole
    assert pieces[0].choices[0].delta.role == "assistant"
    assert [piece.choices[0].finish_reason for piece in pieces if piece.choices][-2:] == [None, "stop"]
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.total_tokens == 0
    assert len({piece.id for piece in pieces}) == 1


def test_earlier_questions_are_the_history(theirs: openai.OpenAI, bot: Bot) -> None:
    answer = theirs.chat.completions.create(
        model="gpt-4o",  # whatever a front end is set to
        temperature=0.3,
        messages=[
            {"role": "system", "content": "You are helpful."},
            {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
            {"role": "assistant", "content": "8000个"},
            {"role": "user", "content": "那朝阳门街道呢？"},
        ],
    )
    assert answer.model_extra is not None
    wanted = bot.ask("那朝阳门街道呢？", history=[QUESTION])
    assert answer.model_extra["wenbao"]["searched_as"] == wanted["searched_as"] != "那朝阳门街道呢？"


def test_what_is_not_found_is_said_in_the_questions_language(theirs: openai.OpenAI) -> None:
    question = "What is the airspeed velocity of an unladen swallow?"
    answer = theirs.chat.completions.create(model="wenbao", messages=[{"role": "user", "content": question}])
    content = answer.choices[0].message.content or ""
    assert not re.search(r"[\u4e00-\u9fff]", content.splitlines()[0])
    assert "**" not in content


def test_the_bot_is_the_one_model(theirs: openai.OpenAI) -> None:
    assert [model.id for model in theirs.models.list()] == ["wenbao"]
    assert theirs.models.retrieve("wenbao").owned_by == "wenbao"
    with pytest.raises(openai.NotFoundError) as raised:
        theirs.models.retrieve("gpt-4o")
    assert raised.value.code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"role": "user", "content": "口" * 2001}], "QUESTION_TOO_LONG"),
        ([{"role": "user", "content": "  "}], "QUESTION_EMPTY"),
        ([{"role": "system", "content": "a"}], "FIELD_INVALID"),
        ([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "FIELD_INVALID"),
        ([{"role": "nobody", "content": "a"}], "FIELD_INVALID"),
        ([], "FIELD_INVALID"),
    ],
)
def test_errors_are_theirs_in_form_and_ours_in_code(
    theirs: openai.OpenAI, messages: list[openai.types.chat.ChatCompletionMessageParam], code: str
) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as raised:
        theirs.chat.completions.create(model="wenbao", messages=messages)
    assert (raised.value.code, raised.value.type) == (code, "invalid_request_error")


def test_a_key_that_looks_like_ours_must_be_one_of_ours(address: str) -> None:
    with (
        openai.OpenAI(base_url=f"{address}/v1", api_key="wbt_" + "a" * 43, max_retries=0) as wrong,
        pytest.raises(openai.AuthenticationError) as raised,
    ):
        wrong.models.list()
    assert (raised.value.code, raised.value.type) == ("UNAUTHORIZED", "authentication_error")


def test_from_elsewhere_any_key_will_not_do(bot: Bot) -> None:
    there = local_client(build_app(bot), client=("198.51.100.7", 1))
    refused = there.get("/v1/models", headers={"authorization": "Bearer unused"})
    assert refused.status_code == 401
    OpenAIError.model_validate_json(refused.content)
    access = Access(bot.settings.data)
    token, _ = access.make_token("front end", ["ask"])
    batch_only, _ = access.make_token("batch", ["batch"])
    access.close()
    listed = there.get("/v1/models", headers={"authorization": f"Bearer {token}"})
    ModelList.model_validate_json(listed.content)
    assert there.get("/v1/models", headers={"authorization": f"Bearer {batch_only}"}).status_code == 403


def test_answers_keep_to_the_document_and_conversations_may_be_long(client: TestClient) -> None:
    talk = [{"role": role, "content": "口罩 " * 300} for _ in range(120) for role in ("user", "assistant")]
    body = {"messages": [*talk, {"role": "user", "content": QUESTION}]}
    answer = client.post("/v1/chat/completions", json=body)
    assert int(answer.request.headers["content-length"]) > 200_000
    CompletionAnswer.model_validate_json(answer.content)
    body["messages"] = [{"role": "user", "content": "a" * 1024 * 1024}]
    refused = client.post("/v1/chat/completions", json=body)
    assert (refused.status_code, refused.json()["error"]["type"]) == (413, "invalid_request_error")
    OpenAIError.model_validate_json(refused.content)


def test_what_stands_in_articles_is_no_markup(hostile_bot: Bot) -> None:
    hostile = local_client(build_app(hostile_bot))
    answer = hostile.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "第3号仓库口罩"}]})
    content = answer.json()["choices"][0]["message"]["content"]
    assert "仓库" in content
    assert not re.search(r"(?<!\\)<|(?<!\\)!\[", content)
