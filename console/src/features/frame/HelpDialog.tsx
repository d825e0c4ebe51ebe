import { Modal } from "@mantine/core";
import { SEARCH_KEYS } from "@/search/keys";
import css from "./frame.module.css";

const SHORTCUTS: [string[], string][] = [
  [["Ctrl", "K"], "go to any page, app, model or trace (Cmd on a Mac)"],
  [["/"], "search"],
  [["↑", "↓"], "move through a list or a tree; Home and End for its ends"],
  [["Enter"], "peek at the call; again: open it"],
  [["←", "→"], "fold and unfold in a tree"],
  [["Esc"], "close what is open on top"],
  [["g", "o"], "overview; g t: traces; g a: apps; g m: models"],
  [["a", "c", "r", "s"], "in review: approve, correct, reject, skip; 1 to 9 answer the rubric, d makes a case"],
  [["?"], "this help"],
];

const SYNTAX: [string, string][] = [
  ["status:error", "calls that failed"],
  ["model:gpt-4o*", "* stands for anything"],
  ["model:(a OR b)", "one or the other"],
  ["(user:ann OR cost:>1)", "conditions in groups; side by side all must be true"],
  ["-user:ann", "not"],
  ["duration:>2000", "numbers: > >= < <= (milliseconds, tokens, dollars)"],
  ["cost:0.01..0.5", "from the one to the other; either may be left out"],
  ["started:>2026-11-21T10", "moments, UTC"],
  ["has:error", "there is a value; -has: there is none"],
  ["score.helpful:<0.5", "what was judged"],
  ['"two words"', "a phrase in the messages; bare words search there too"],
];

export function HelpDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={<strong>Keyboard and search</strong>} size={640}>
      <div style={{ display: "grid", gap: 20 }}>
        <dl className={css.helpGrid}>
          {SHORTCUTS.map(([keys, what]) => (
            <div key={what} style={{ display: "contents" }}>
              <dt>
                {keys.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <div>
          <strong>Search</strong>
          <dl className={css.helpGrid} style={{ marginTop: 8 }}>
            {SYNTAX.map(([text, what]) => (
              <div key={text} style={{ display: "contents" }}>
                <dt>
                  <code>{text}</code>
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
          <p className="muted" style={{ marginTop: 12 }}>
            Keys: <span className="mono">{SEARCH_KEYS.map((k) => k.key).join(" ")}</span>
          </p>
        </div>
      </div>
    </Modal>
  );
}
