import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { Check, Copy as CopyIcon } from "lucide-react";
import { type ReactNode, useState } from "react";
import { LongText } from "./LongText";
import css from "./ui.module.css";

/** Copies; on plain HTTP, where browsers offer no clipboard, through a text area as in older days. */
async function copyText(text: string) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function useCopy(text: string | (() => string)): [boolean, () => void] {
  const [done, setDone] = useState(false);
  const copy = () => {
    void copyText(typeof text === "string" ? text : text()).then(() => {
      setDone(true);
      setTimeout(() => setDone(false), 1500);
    });
  };
  return [done, copy];
}

interface Props {
  text: string | (() => string);
  label: string;
}

export function CopyIconButton({ text, label }: Props) {
  const [done, copy] = useCopy(text);
  return (
    <Tooltip label={done ? "Copied" : label}>
      <ActionIcon size="sm" onClick={copy} aria-label={done ? "Copied" : label}>
        {done ? <Check size={14} color="var(--good)" /> : <CopyIcon size={14} />}
      </ActionIcon>
    </Tooltip>
  );
}

interface ButtonProps {
  text: string | (() => string);
  label: ReactNode;
}

export function CopyButton({ text, label }: ButtonProps) {
  const [done, copy] = useCopy(text);
  return (
    <Button variant="default" onClick={copy} leftSection={done ? <Check size={14} /> : <CopyIcon size={14} />}>
      {done ? "Copied" : label}
    </Button>
  );
}

/** Text to take away. */
export function Code({ text, label = "Copy", wrap = false, maxHeight }: CodeProps) {
  return (
    <div className={css.code}>
      <pre data-wrap={wrap} style={{ maxHeight, overflowY: maxHeight ? "auto" : undefined }} tabIndex={0}>
        <LongText text={text}>{(shown) => shown}</LongText>
      </pre>
      <span className={css.codeCopy}>
        <CopyIconButton text={text} label={label} />
      </span>
    </div>
  );
}
interface CodeProps {
  text: string;
  label?: string;
  wrap?: boolean;
  maxHeight?: number;
}
