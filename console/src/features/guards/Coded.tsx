import { coded } from "./words";

/** A description of options, with their names set apart. */
export function Coded({ text }: { text: string }) {
  if (!text || text === "No options.") return null;
  return (
    <p className="muted">
      {coded(text).map((part, i) => (part.code ? <code key={i}>{part.text}</code> : <span key={i}>{part.text}</span>))}
    </p>
  );
}
