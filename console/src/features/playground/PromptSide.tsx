import type { PreviewVariable, PromptPreview } from "@/api/types";
import { Editor } from "@/features/prompts/Editor";
import { Messages } from "@/features/prompts/Preview";
import { VariablesForm } from "@/features/prompts/VariablesForm";
import type { Texts } from "@/features/prompts/variables";
import { Notice } from "@/ui/Notice";
import css from "./playground.module.css";

interface Props {
  name: string;
  file: string;
  onFile: (file: string) => void;
  known: PreviewVariable[];
  texts: Texts;
  onTexts: (change: Texts) => void;
  errors: Texts;
  preview: PromptPreview | undefined;
  onRun: () => void;
}

/** The prompt's own file, the values of its variables, and the messages that come of both. */
export function PromptSide({ name, file, onFile, known, texts, onTexts, errors, preview, onRun }: Props) {
  const problem = preview?.problem;
  return (
    <>
      <div className={css.editor}>
        <Editor
          label={`The file of ${name}`}
          value={file}
          onChange={onFile}
          marks={problem?.line ? [{ line: problem.line, message: problem.message }] : undefined}
          names={known.map((each) => each.name)}
          onRun={onRun}
        />
      </div>
      {problem && (
        <Notice title={problem.line ? `Line ${problem.line}: ${problem.message}` : problem.message}>
          {problem.fix}
        </Notice>
      )}
      <VariablesForm variables={known} texts={texts} errors={errors} onChange={onTexts} />
      {preview?.rendered && (
        <details className={css.more}>
          <summary>The messages that come of it</summary>
          <Messages messages={preview.rendered.messages} />
        </details>
      )}
    </>
  );
}
