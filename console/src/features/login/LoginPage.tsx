import { Button, PasswordInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { post } from "@/api/client";
import { meQuery } from "@/api/queries";
import type { Me } from "@/api/types";
import { Wordmark } from "@/ui/Logo";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { useTitle } from "@/ui/Page";
import css from "./login.module.css";

/** Only ways within this console are followed after a login. */
export function safeNext(next: string | undefined): string {
  return next?.startsWith("/") && !next.startsWith("//") && !next.startsWith("/login") ? next : "/";
}

export function LoginPage() {
  useTitle("Log in");
  const { token, next } = useSearch({ from: "/login" });
  const router = useRouter();
  const queries = useQueryClient();
  const [key, setKey] = useState("");
  const spent = useRef("");
  const login = useMutation({
    mutationFn: (body: { key: string } | { token: string }) => post<Me>("/login", body),
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
  return (
    <main className={css.page}>
      <div className={css.card}>
        <Wordmark />
        <h1>{byLink && login.isPending ? "Logging you in…" : "Log in"}</h1>
        {login.isError && <ProblemNotice error={login.error} />}
        {login.isError && byLink && (
          <Notice tone="warn">A login link works once, and for 15 minutes. Paste a key instead.</Notice>
        )}
        <form
          className={css.form}
          onSubmit={(event) => {
            event.preventDefault();
            if (key.trim()) mutate({ key: key.trim() });
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
            autoFocus
            visibilityToggleButtonProps={{ "aria-label": "Show the key" }}
          />
          <Button type="submit" size="sm" fullWidth loading={login.isPending} disabled={!key.trim()}>
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
