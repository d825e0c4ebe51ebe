import { CornerDownRight, ImageOff, Wrench } from "lucide-react";
import type { JsonObject } from "@/api/types";
import { Tag } from "@/ui/bits";
import { LongText } from "@/ui/LongText";
import { Said } from "@/ui/Said";
import css from "./conversation.module.css";
import { imageSource, prettyJson, resultParts } from "./parts";

const str = (value: unknown): string => (typeof value === "string" ? value : "");

/** One canonical part; what we do not know is shown as its JSON, never dropped. */
export function PartView({ part }: { part: JsonObject }) {
  switch (part.type) {
    case "text":
      return (
        <div className={css.text}>
          <LongSaid text={str(part.text)} />
        </div>
      );
    case "refusal":
      return (
        <div className={css.text}>
          <Tag tone="warn">refusal</Tag> <LongSaid text={str(part.text)} />
        </div>
      );
    case "reasoning":
      return <Reasoning part={part} />;
    case "image":
      return <ImagePart part={part} />;
    case "tool_call":
      return (
        <div className={css.call}>
          <div className={css.callHead}>
            <Wrench size={13} color="var(--k-tool)" aria-hidden="true" />
            <span>
              calls <strong>{str(part.name)}</strong>
            </span>
            <code className="muted ellipsis" style={{ marginLeft: "auto" }}>
              {str(part.id)}
            </code>
          </div>
          <pre className={css.callBody}>
            <LongText text={prettyJson(part.arguments)}>{(shown) => shown}</LongText>
          </pre>
        </div>
      );
    case "tool_result":
      return (
        <div className={css.call}>
          <div className={css.callHead}>
            <CornerDownRight size={13} color="var(--k-tool)" aria-hidden="true" />
            <span>result</span>
            {part.is_error === true && <Tag tone="bad">the tool failed</Tag>}
            <code className="muted ellipsis" style={{ marginLeft: "auto" }}>
              {str(part.call_id)}
            </code>
          </div>
          <div style={{ padding: "8px 10px" }}>
            {resultParts(part).map((inner, i) => (
              <PartView key={i} part={inner} />
            ))}
          </div>
        </div>
      );
    default:
      return (
        <pre className={css.callBody}>
          <LongText text={JSON.stringify(part, null, 2)}>{(shown) => shown}</LongText>
        </pre>
      );
  }
}

function LongSaid({ text }: { text: string }) {
  return <LongText text={text}>{(shown) => <Said text={shown} />}</LongText>;
}

function Reasoning({ part }: { part: JsonObject }) {
  const body = str(part.text);
  if (!body) return <span className="muted">Reasoning, sealed by the provider.</span>;
  return (
    <details className={css.fold}>
      <summary>Reasoning, {body.split(/\s+/).filter(Boolean).length} words</summary>
      <div className={css.reasoning}>
        <LongSaid text={body} />
      </div>
    </details>
  );
}

/** Pictures that came with the call are shown; those behind a link are not fetched: looking at a trace tells nobody. */
function ImagePart({ part }: { part: JsonObject }) {
  const { src, remote } = imageSource(part);
  if (remote) {
    return (
      <span style={{ display: "inline-flex", gap: 6, alignItems: "center", overflowWrap: "anywhere" }}>
        <ImageOff size={14} aria-hidden="true" />
        image at{" "}
        <a href={src} target="_blank" rel="noreferrer noopener">
          {src}
        </a>
      </span>
    );
  }
  return <img className={css.image} src={src} alt="Sent with the message" />;
}
