import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { kindsQuery, modelsQuery, providersQuery, resilienceQuery, statusQuery, targetsQuery } from "@/api/queries";
import { Empty } from "@/ui/bits";
import { useLastSeen } from "@/ui/EditDrawer";
import { LongList } from "@/ui/LongList";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import css from "./models.module.css";
import { PolicyEditor } from "./PolicyEditor";
import { ProviderEditor } from "./ProviderEditor";
import { ProviderRow } from "./ProviderRow";
import { policyOf, tunedOf } from "./policy";

/** "Where do calls go, with what key, and do they answer?" */
export function ProvidersPage() {
  const { project } = useParams({ from: "/inside/p/$project/providers" });
  const search = useSearch({ from: "/inside/p/$project/providers" });
  const navigate = useNavigate({ from: "/p/$project/providers" });
  const { find } = search;
  const providers = useQuery(providersQuery(project));
  const models = useQuery(modelsQuery(project));
  const kinds = useQuery(kindsQuery());
  const targets = useQuery(targetsQuery(project));
  const resilience = useQuery(resilienceQuery(project));
  const workers = useQuery(statusQuery()).data?.workers ?? 1;
  const edited = useLastSeen(
    providers.data?.find((provider) => provider.name === search.edit),
    search.edit,
  );
  const ready = kinds.data !== undefined;
  const tuned = tunedOf(search.tune, providers.data ?? [], models.data ?? []);
  const tune = (what: string | undefined) => void navigate({ search: (prev) => ({ ...prev, tune: what }) });
  const add = (
    <WriteButton
      needs="provider:write"
      size="sm"
      leftSection={<Plus size={15} />}
      onClick={() => void navigate({ search: { find, new: "1" } })}
    >
      Add a provider
    </WriteButton>
  );
  return (
    <Page
      title="Providers"
      lead="Where calls go. Keys are kept encrypted and are never shown again."
      actions={providers.data?.length ? add : null}
    >
      <Pending of={providers} height={180} />
      {providers.data?.length === 0 && (
        <Empty title="No provider yet">
          <p>
            A provider is somewhere models are served: OpenAI, Anthropic, a vLLM or Ollama of your own, or the small
            local model that comes with Trimtab and needs no key. Add one, then name the models that clients may call.
          </p>
          {add}
        </Empty>
      )}
      {(targets.isError || resilience.isError) && <ProblemNotice error={targets.error ?? resilience.error} />}
      {providers.data && providers.data.length > 0 && (
        <p className={css.view}>
          Breakers, load, latency and keys are this worker's view since it started
          {workers > 1 ? `: the server runs ${workers} workers, and whichever answers tells its own.` : "."}
        </p>
      )}
      <LongList
        rows={providers.data}
        noun="provider"
        textOf={(provider) => `${provider.name} ${provider.kind} ${provider.base_url}`}
        words={find}
        onWords={(find) => void navigate({ search: (was) => ({ ...was, find }), replace: true })}
        placeholder="Name, kind or address"
        kept={(provider) => [search.policy, search.all].includes(provider.name)}
      >
        {(rows) => (
          <ul className={css.list} aria-label="Providers">
            {rows.map((provider) => (
              <ProviderRow
                key={provider.name}
                project={project}
                provider={provider}
                kind={kinds.data?.find((k) => k.name === provider.kind)}
                models={(models.data ?? []).filter((m) => m.provider === provider.name)}
                targets={targets.data?.filter((t) => t.provider === provider.name)}
                policies={resilience.data}
                shown={{ policy: search.policy === provider.name, all: search.all === provider.name }}
                onShow={(shown) =>
                  void navigate({
                    search: (prev) => ({
                      ...prev,
                      ...("policy" in shown && { policy: shown.policy ? provider.name : undefined }),
                      ...("all" in shown && { all: shown.all ? provider.name : undefined }),
                    }),
                    replace: true,
                  })
                }
                onEdit={() => void navigate({ search: { find, edit: provider.name } })}
                onTune={(subject, name) => tune(`${subject}:${name}`)}
              />
            ))}
          </ul>
        )}
      </LongList>
      {resilience.data && tuned && (
        <PolicyEditor
          key={search.tune}
          project={project}
          subject={tuned.subject}
          name={tuned.name}
          now={policyOf(resilience.data, tuned.subject, tuned.name, tuned.provider)}
          onClose={() => tune(undefined)}
        />
      )}
      {ready && (search.new || edited) && (
        <ProviderEditor
          key={edited?.name ?? "new"}
          project={project}
          provider={edited}
          kinds={kinds.data}
          onClose={() => void navigate({ search: { find } })}
        />
      )}
    </Page>
  );
}
