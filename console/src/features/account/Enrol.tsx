import { Button, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useMemo, useState } from "react";
import { post } from "@/api/client";
import type { FactorSecret, RecoveryCodes } from "@/api/identity";
import { fits, qrOf, qrPath } from "@/lib/qr";
import { Code } from "@/ui/Copy";
import { ProblemNotice } from "@/ui/Notice";
import { PlainButton } from "@/ui/PlainButton";
import css from "./account.module.css";

/** Light modules around the code that readers look for. */
const QUIET = 4;

interface Props {
  secret: FactorSecret;
  onConfirmed: (codes: RecoveryCodes) => void;
  onCancel: () => void;
}

/** The secret as a picture and as text, and the first code that proves that the app has it. */
export function Enrol({ secret, onConfirmed, onCancel }: Props) {
  const [code, setCode] = useState("");
  const confirm = useMutation({
    mutationFn: () => post<RecoveryCodes>("/second-factor/confirm", { code: code.trim() }),
    onSuccess: onConfirmed,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (code.trim()) confirm.mutate();
  };
  return (
    <div className={css.enrol} data-testid="enrol">
      <QrPicture text={secret.uri} />
      <div className={css.enrolText}>
        <p>
          <strong>1.</strong> Scan this with an authenticator app, or give it the secret by hand. It is drawn in this
          browser and sent nowhere.
        </p>
        <Code text={secret.secret} label="Copy the secret" wrap />
        <form onSubmit={submit} style={{ display: "grid", gap: 12 }}>
          <TextInput
            label="2. The code it shows now"
            placeholder="123456"
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
            inputMode="numeric"
            autoComplete="one-time-code"
            spellCheck={false}
            maw={220}
          />
          {confirm.isError && <ProblemNotice error={confirm.error} />}
          <div style={{ display: "flex", gap: 8 }}>
            <Button type="submit" size="xs" loading={confirm.isPending} disabled={!code.trim()}>
              Switch it on
            </Button>
            <PlainButton onClick={onCancel}>Cancel</PlainButton>
          </div>
        </form>
      </div>
    </div>
  );
}

/** Dark on light in every appearance: many apps read no other way round. What is too long to draw stands as text. */
function QrPicture({ text }: { text: string }) {
  const code = useMemo(() => (fits(text) ? qrOf(text) : null), [text]);
  if (!code) return null;
  const side = code.size + 2 * QUIET;
  return (
    <svg
      className={css.qr}
      viewBox={`${-QUIET} ${-QUIET} ${side} ${side}`}
      shapeRendering="crispEdges"
      role="img"
      aria-label="QR code of the secret; it stands beside it as text, too"
    >
      <rect x={-QUIET} y={-QUIET} width={side} height={side} fill="#fff" />
      <path d={qrPath(code)} fill="#000" />
    </svg>
  );
}
