import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { LogIn } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { asProblem, post } from "@/api/client";
import { meQuery, waysInQuery } from "@/api/queries";
import type { Me } from "@/api/types";
import { Wordmark } from "@/ui/Logo";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { useTitle } from "@/ui/Page";
import css from "./login.module.css";
import { reasonOf, refusalOf } from "./reasons";

/** Only ways within this console are followed after a login. */
export function safeNext(next: string | undefined): string {
  return next?.startsWith("/") && !next.startsWith("//") && !next.startsWith("/login") ? next : "/";
}

export function LoginPage() {
  useTitle("Log in");
  const { token, next, problem } = useSearch({ from: "/login" });
  const ways = useQuery(waysInQuery());
  const router = useRouter();
  const queries = useQueryClient();
  const [key, setKey] = useState("");
  const [code, setCode] = useState("");
  const spent = useRef("");
  const login = useMutation({
    mutationFn: (body: { key: string; code?: string } | { token: string; code?: string }) => post<Me>("/login", body),
    onSuccess: (me) => {
      queries.clear();
      queries.setQueryData(meQuery().queryKey, me);
      router.history.replace(safeNext(next));
    },
  });
  const { mutate } = login;

  // A login link: the token is spent once and leaves the address at once, so that history and screenshots do not keep it.
  useEffect(() => {
    if (!token || spent.current === token) return;
    spent.current = token;
    void router.navigate({ to: "/login", search: { next }, replace: true });
    mutate({ token });
  }, [token, next, mutate, router]);

  const byLink = spent.current !== "";
  const asked = login.isError && ["second_factor_needed", "second_factor_wrong"].includes(asProblem(login.error).code);
  const wantsCode = asked || code !== "";
  const enter = () => {
    const proof = code.trim() ? { code: code.trim() } : {};
    if (byLink && wantsCode) mutate({ token: spent.current, ...proof });
    else if (key.trim()) mutate({ key: key.trim(), ...proof });
  };
  return (
    <main className={css.page}>
      <div className={css.card}>
        <Wordmark />
        <h1>{byLink && login.isPending ? "Logging you in…" : "Log in"}</h1>
        {problem && <Notice tone="bad">{reasonOf(problem)}</Notice>}
        {(ways.data?.providers ?? []).map((way) => (
          <Button
            key={way.name}
            component="a"
            href={`/api/v1/oidc/${encodeURIComponent(way.name)}/start${next ? `?next=${encodeURIComponent(next)}` : ""}`}
            variant="default"
            size="sm"
            fullWidth
            leftSection={<LogIn size={15} />}
          >
            Log in with {way.label}
          </Button>
        ))}
        {login.isError && !(asked && code === "") && <Refused error={login.error} />}
        <form
          className={css.form}
          onSubmit={(event) => {
            event.preventDefault();
            enter();
          }}
        >
          <PasswordInput
            label="Admin or read-only key"
            description="The admin key was printed when the server first started."
            placeholder="tt_…"
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
            autoComplete="current-password"
            spellCheck={false}
            autoFocus={!ways.data?.providers.length}
            visibilityToggleButtonProps={{ "aria-label": "Show the key" }}
          />
          {wantsCode && (
            <TextInput
              label="Code"
              description="Of your authenticator app, or a recovery code."
              value={code}
              onChange={(event) => setCode(event.currentTarget.value)}
              autoComplete="one-time-code"
              inputMode="text"
              spellCheck={false}
              autoFocus
            />
          )}
          <Button
            type="submit"
            size="sm"
            fullWidth
            loading={login.isPending}
            disabled={!key.trim() && !(byLink && code.trim())}
          >
            Log in
          </Button>
        </form>
        <p className="muted">
          No key at hand? Start the server with <code>TRIMTAB_ADMIN_KEY</code> set to one of your own.
        </p>
      </div>
    </main>
  );
}

/** In the words of who sits here; the server's own where there are none. */
function Refused({ error }: { error: unknown }) {
  const refusal = refusalOf(asProblem(error).code);
  if (!refusal) return <ProblemNotice error={error} />;
  return <Notice title={refusal.title}>{refusal.mend}</Notice>;
}
