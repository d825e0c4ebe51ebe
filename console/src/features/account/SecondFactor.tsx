import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ShieldCheck } from "lucide-react";
import { type ReactNode, useState } from "react";
import { post } from "@/api/client";
import { type FactorSecret, factorQuery, type RecoveryCodes } from "@/api/identity";
import { plural } from "@/lib/format";
import { saveText } from "@/lib/save";
import { Panel, Tag } from "@/ui/bits";
import { CopyButton } from "@/ui/Copy";
import { FormDialog } from "@/ui/FormDialog";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { PlainButton } from "@/ui/PlainButton";
import { ShownOnce } from "@/ui/ShownOnce";
import css from "./account.module.css";
import { Enrol } from "./Enrol";

/** A code of an authenticator app beside the key: put on, taken off. */
export function SecondFactor() {
  const found = useQuery(factorQuery());
  const queries = useQueryClient();
  const [secret, setSecret] = useState<FactorSecret | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [removing, setRemoving] = useState(false);
  const begin = useMutation({ mutationFn: () => post<FactorSecret>("/second-factor"), onSuccess: setSecret });
  const known = () => queries.invalidateQueries({ queryKey: factorQuery().queryKey });
  const onConfirmed = (made: RecoveryCodes) => {
    setSecret(null);
    setCodes(made.codes);
    void known();
  };
  return (
    <section className={css.section} aria-label="Second factor">
      <h2 className={css.heading}>Second factor</h2>
      <Panel>
        <div className={css.body}>
          <Pending of={found} height={60} />
          {found.data && !found.data.available && (
            <p className="muted">
              You sign in with an identity provider: that is where your second factor belongs, and where you switch it
              on.
            </p>
          )}
          {found.data?.available && found.data.on && (
            <On left={found.data.recovery_left} onRemove={() => setRemoving(true)} />
          )}
          {found.data?.available && !found.data.on && !secret && (
            <Off busy={begin.isPending} onBegin={() => begin.mutate()} />
          )}
          {begin.isError && <ProblemNotice error={begin.error} />}
          {secret && <Enrol secret={secret} onConfirmed={onConfirmed} onCancel={() => setSecret(null)} />}
        </div>
      </Panel>
      {codes && <Recovery codes={codes} onClose={() => setCodes(null)} />}
      {removing && (
        <Remove
          onClose={() => setRemoving(false)}
          onRemoved={() => {
            setRemoving(false);
            void known();
          }}
        />
      )}
    </section>
  );
}

function Line({ tag, children, act }: { tag: ReactNode; children: ReactNode; act: ReactNode }) {
  return (
    <div className={css.bar}>
      <div style={{ flex: "1 1 260px" }}>
        {tag} <span>{children}</span>
      </div>
      {act}
    </div>
  );
}

/** What it is good for is said where it is off: nobody switches on what they do not understand. */
function Off({ busy, onBegin }: { busy: boolean; onBegin: () => void }) {
  return (
    <Line
      tag={<Tag>off</Tag>}
      act={
        <Button size="sm" leftSection={<ShieldCheck size={15} />} loading={busy} onClick={onBegin}>
          Set it up
        </Button>
      }
    >
      Whoever has your key gets in. With a second factor, the console asks for a code of your phone, too.
    </Line>
  );
}

function On({ left, onRemove }: { left: number; onRemove: () => void }) {
  return (
    <>
      <Line tag={<Tag tone="accent">on</Tag>} act={<PlainButton onClick={onRemove}>Switch it off…</PlainButton>}>
        The console asks for a code after the key. Programs that send the key with each request are not asked.
      </Line>
      {left <= 3 && (
        <Notice tone="warn" title={`${plural(left, "recovery code")} left`}>
          Without a phone and a code nobody gets in with this key. Switch it off and set it up again for ten new ones.
        </Notice>
      )}
      {left > 3 && <p className="muted">{plural(left, "recovery code")} left.</p>}
    </>
  );
}

/** Ten codes, the only time they can be shown. */
function Recovery({ codes, onClose }: { codes: readonly string[]; onClose: () => void }) {
  const text = codes.join("\n");
  return (
    <ShownOnce
      title="Your recovery codes"
      size={520}
      warning="Keep them where your phone is not"
      because="Each works once, in place of a code of the app. They are shown now and never again."
      aside={
        <span style={{ display: "flex", gap: 8 }}>
          <CopyButton text={text} label="Copy" />
          <PlainButton onClick={() => saveText(`${text}\n`, "trimtab-recovery-codes.txt", "text/plain")}>
            As a file
          </PlainButton>
        </span>
      }
      done="I have them"
      onClose={onClose}
    >
      <ul className={css.codes} aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code} className="mono">
            {code}
          </li>
        ))}
      </ul>
    </ShownOnce>
  );
}

function Remove({ onClose, onRemoved }: { onClose: () => void; onRemoved: () => void }) {
  const [code, setCode] = useState("");
  const remove = useMutation({
    mutationFn: () => post("/second-factor/remove", { code: code.trim() }),
    onSuccess: onRemoved,
  });
  return (
    <FormDialog
      title="Switch the second factor off?"
      action="Switch it off"
      cancel="Keep it"
      color="red.8"
      off={!code.trim()}
      asking={remove}
      onSubmit={() => remove.mutate()}
      onClose={onClose}
    >
      <p>From then on whoever has your key gets in. Its recovery codes end.</p>
      <TextInput
        label="Code"
        description="Of your authenticator app, or a recovery code."
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
        autoComplete="one-time-code"
        spellCheck={false}
        data-autofocus
      />
    </FormDialog>
  );
}
