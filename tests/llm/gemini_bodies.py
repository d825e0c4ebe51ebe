"""Gemini: a request (with its URL put into it), an answer and a stream as its documentation shows them, by hand."""

import json
from typing import Any

REQUEST: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "Answer in one sentence."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "What is the weather in Bergen?"}]},
        {
            "role": "model",
            "parts": [
                {"text": "I should look.", "thought": True},
                {
                    "functionCall": {"id": "call_1", "name": "get_weather", "args": {"city": "Bergen"}},
                    "thoughtSignature": "CiQBjz1rX0il",
                },
            ],
        },
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "id": "call_1",
                        "name": "get_weather",
                        "response": {"output": "Rain, 8 °C"},
                    }
                },
                {"text": "And what is this?"},
                {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
                {"fileData": {"mimeType": "image/png", "fileUri": "https://example.org/a.png"}},
            ],
        },
    ],
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "get_weather",
                    "description": "Weather now",
                    "parameters": {
                        "type": "OBJECT",
                        "properties": {"city": {"type": "STRING", "nullable": True}},
                        "required": ["city"],
                    },
                }
            ]
        }
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}},
    "generationConfig": {
        "maxOutputTokens": 300,
        "temperature": 0.2,
        "topP": 0.9,
        "topK": 40,
        "stopSequences": ["END"],
        "seed": 7,
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object", "properties": {}},
        "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True},
        "presencePenalty": 0.5,
    },
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "model": "gemini-2.5-flash",
    "stream": True,
}

USAGE: dict[str, Any] = {
    "promptTokenCount": 1117,
    "cachedContentTokenCount": 1024,
    "candidatesTokenCount": 6,
    "thoughtsTokenCount": 40,
    "toolUsePromptTokenCount": 10,
    "totalTokenCount": 1173,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1114}, {"modality": "AUDIO", "tokenCount": 3}],
}

ANSWER: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "Rain it is.", "thought": True},
                    {"text": "Rain.", "thoughtSignature": "CiQBjz1rX0il"},
                ],
            },
            "finishReason": "STOP",
            "index": 0,
            "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"}],
        }
    ],
    "usageMetadata": USAGE,
    "modelVersion": "gemini-2.5-flash-001",
    "responseId": "oXq3aPqzNe6TvdIPq5-h6Ac",
}


def _chunk(part: dict[str, Any], output: int, **more: str) -> bytes:
    usage = {"promptTokenCount": 20, "cachedContentTokenCount": 8, "candidatesTokenCount": output}
    candidate = {"content": {"parts": [part], "role": "model"}, "index": 0, **more}
    told = {
        "candidates": [candidate],
        "usageMetadata": usage | {"thoughtsTokenCount": 5, "totalTokenCount": 25 + output},
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r1",
    }
    return b"data: " + json.dumps(told, separators=(",", ":")).encode() + b"\r\n\r\n"


STREAM = _chunk({"text": "Rain"}, 1) + _chunk({"text": "."}, 2) + _chunk({"text": ""}, 4, finishReason="STOP")
