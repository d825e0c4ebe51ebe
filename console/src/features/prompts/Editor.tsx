import {
  autocompletion,
  type CompletionContext,
  type CompletionResult,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, StreamLanguage } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { useEffect, useRef } from "react";
import { COLOURS, PROMPT } from "./language";

export interface Mark {
  /** From 1. */
  line: number;
  message: string;
}

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  readOnly?: boolean;
  /** What is wrong, beside its line. */
  marks?: Mark[];
  /** Names to offer inside of a tag. */
  names?: string[];
  onSave?: () => void;
  /** Ctrl or Cmd Enter. */
  onRun?: () => void;
}

const THEME = EditorView.theme({
  "&": { fontSize: "12.5px", backgroundColor: "var(--panel)", color: "var(--text)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", minHeight: "280px" },
  ".cm-content": { caretColor: "var(--text)", padding: "10px 0" },
  ".cm-gutters": {
    backgroundColor: "var(--panel)",
    color: "var(--text-3)",
    border: "0",
    borderRight: "1px solid var(--line)",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--sunken) 55%, transparent)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--accent-soft)",
  },
  ".cm-panels, .cm-tooltip": {
    backgroundColor: "var(--panel)",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
  },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--text)" },
  ".cm-panel input, .cm-panel button, .cm-panel label": { fontFamily: "var(--sans)", fontSize: "12px" },
  ".cm-textfield": { backgroundColor: "var(--bg)", color: "var(--text)", border: "1px solid var(--line-strong)" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--sunken)", border: "1px solid var(--line-strong)" },
});

/** Text as it is: the editor never changes what was not typed. Tab leaves it, as everywhere on a page. */
export function Editor({ label, value, onChange, readOnly = false, marks, names, onSave, onRun }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const told = useRef({ onChange, onSave, onRun, names });
  told.current = { onChange, onSave, onRun, names };
  const locked = useRef(new Compartment());
  const first = useRef({ label, value, readOnly });

  useEffect(() => {
    if (!host.current) return;
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: first.current.value,
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          bracketMatching(),
          highlightActiveLine(),
          highlightActiveLineGutter(),
          highlightSelectionMatches(),
          lintGutter(),
          StreamLanguage.define(PROMPT),
          COLOURS,
          THEME,
          EditorView.lineWrapping,
          EditorState.lineSeparator.of("\n"),
          autocompletion({ override: [(context) => offered(context, told.current.names ?? [])] }),
          keymap.of([
            { key: "Mod-s", run: () => did(told.current.onSave) },
            { key: "Mod-Enter", run: () => did(told.current.onRun) },
            ...completionKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...defaultKeymap,
          ]),
          locked.current.of(EditorState.readOnly.of(first.current.readOnly)),
          EditorView.contentAttributes.of({ "aria-label": first.current.label, spellcheck: "false", tabindex: "0" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) told.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    return () => {
      made.destroy();
      view.current = null;
    };
  }, []);

  useEffect(() => {
    const now = view.current;
    if (!now || now.state.doc.toString() === value) return;
    now.dispatch({ changes: { from: 0, to: now.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    view.current?.dispatch({ effects: locked.current.reconfigure(EditorState.readOnly.of(readOnly)) });
  }, [readOnly]);

  useEffect(() => {
    const now = view.current;
    if (now)
      now.dispatch(
        setDiagnostics(
          now.state,
          (marks ?? []).map((mark) => diagnostic(now, mark)),
        ),
      );
  }, [marks]);

  return <div ref={host} data-testid="editor" />;
}

/** Whether there was something to do: else the key means what it means elsewhere. */
function did(what: (() => void) | undefined): boolean {
  what?.();
  return what !== undefined;
}

function diagnostic(view: EditorView, mark: Mark): Diagnostic {
  const line = view.state.doc.line(Math.min(Math.max(1, mark.line), view.state.doc.lines));
  return { from: line.from, to: line.to, severity: "error", message: mark.message };
}

/** Names of variables, inside of a tag only. */
function offered(context: CompletionContext, names: string[]): CompletionResult | null {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const open = Math.max(before.lastIndexOf("{{"), before.lastIndexOf("{%"));
  if (open < 0 || open < Math.max(before.lastIndexOf("}}"), before.lastIndexOf("%}"))) return null;
  const word = context.matchBefore(/\w*/);
  if (!word || (word.from === word.to && !context.explicit)) return null;
  return { from: word.from, options: names.map((name) => ({ label: name, type: "variable" })) };
}
