import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { modelsQuery } from "@/api/queries";
import { useFreshKey } from "@/features/keys/freshKey";
import { Code } from "@/ui/Copy";
import { Notice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { WriteButton } from "@/ui/WriteButton";
import css from "./connect.module.css";
import { SNIPPETS, snippetBy } from "./snippets";

/** "What do I change in my code?" */
export function ConnectPage() {
  const { project } = useParams({ from: "/inside/p/$project/connect" });
  const search = useSearch({ from: "/inside/p/$project/connect" });
  const navigate = useNavigate({ from: "/p/$project/connect" });
  const models = useQuery(modelsQuery(project));
  const secret = useFreshKey(project);
  const names = models.data?.map((m) => m.name) ?? [];
  const model = search.model ?? names[0] ?? "your-model";
  const snippet = snippetBy(search.with);
  const patch = (change: Partial<typeof search>) =>
    void navigate({ search: (prev) => ({ ...prev, ...change }), replace: true });
  return (
    <Page title="Connect" lead="Change the address and the key. Everything else in your code stays as it is.">
      <div className={css.grid}>
        <div className={css.side} role="tablist" aria-label="Client" aria-orientation="vertical">
          {SNIPPETS.map((s) => (
            <button
              key={s.id}
              type="button"
              role="tab"
              aria-selected={s === snippet}
              className={css.choice}
              onClick={() => patch({ with: s.id })}
            >
              {s.label}
            </button>
          ))}
        </div>
        <div className={css.main} role="tabpanel" aria-label={snippet.label}>
          <div className={css.inputs}>
            <Select
              label="Model"
              data={names.includes(model) ? names : [model, ...names]}
              value={model}
              onChange={(value) => value && patch({ model: value })}
              allowDeselect={false}
              searchable
              w={260}
            />
            <WriteButton
              needs="key:write"
              variant="default"
              size="sm"
              leftSection={<Plus size={15} />}
              onClick={() => void navigate({ to: "/p/$project/keys", params: { project }, search: { new: "1" } })}
            >
              Create a key
            </WriteButton>
          </div>
          {models.data?.length === 0 && (
            <Notice tone="warn" title="No model can be called yet">
              <Link to="/p/$project/models" params={{ project }}>
                Name one first
              </Link>
              , then come back.
            </Notice>
          )}
          {secret && (
            <Notice tone="good">
              The key you just created is filled in. It is forgotten here when you reload the page.
            </Notice>
          )}
          {snippet.before && <p className={/^(pip|npm)/.test(snippet.before) ? "mono" : undefined}>{snippet.before}</p>}
          <Code text={snippet.render({ origin: window.location.origin, model, secret })} label="Copy the snippet" />
          <Notes project={project} />
        </div>
      </div>
    </Page>
  );
}

function Notes({ project }: { project: string }) {
  return (
    <div className={css.notes}>
      <p>
        The call shows in{" "}
        <Link to="/p/$project/traces" params={{ project }}>
          traces
        </Link>{" "}
        within a second of its last byte.
      </p>
      <p>
        Say more about a call with headers: <code>trimtab-feature</code>, <code>trimtab-session</code>,{" "}
        <code>trimtab-user</code>, <code>trimtab-tags</code>. OpenAI's own <code>user</code> and <code>metadata</code>{" "}
        are read too.
      </p>
    </div>
  );
}
