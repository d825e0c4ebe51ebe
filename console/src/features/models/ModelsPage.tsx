import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { modelsQuery, providersQuery } from "@/api/queries";
import { Empty } from "@/ui/bits";
import { useLastSeen } from "@/ui/EditDrawer";
import { LongList } from "@/ui/LongList";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { CardDrawer } from "./CardDrawer";
import { ModelEditor } from "./ModelEditor";
import { ModelRow } from "./ModelRow";
import css from "./models.module.css";

/** "What can be called by name here, does it work, and what does it cost?" */
export function ModelsPage() {
  const { project } = useParams({ from: "/inside/p/$project/models" });
  const search = useSearch({ from: "/inside/p/$project/models" });
  const navigate = useNavigate({ from: "/p/$project/models" });
  const { find } = search;
  const models = useQuery(modelsQuery(project));
  const providers = useQuery(providersQuery(project));
  const edited = useLastSeen(
    models.data?.find((model) => model.name === search.edit),
    search.edit,
  );
  const noProviders = providers.data?.length === 0;
  const close = () => void navigate({ search: { find } });
  return (
    <Page
      title="Models"
      lead="The names clients may call, where each goes, and what stands in when it fails."
      actions={
        <WriteButton
          needs="model:write"
          size="sm"
          leftSection={<Plus size={15} />}
          onClick={() => void navigate({ search: { find, new: "1" } })}
          why={noProviders ? "Add a provider first: a model is called at one." : undefined}
        >
          Add a model
        </WriteButton>
      }
    >
      <Pending of={models} height={220} />
      {models.data?.length === 0 && (
        <Empty title="No model can be called yet">
          <p>
            A model here is a name of your choice and the provider that answers it. Clients say{" "}
            <code>model="the-name"</code>; what stands behind it can change without a deploy.
            {noProviders && " First tell Trimtab of a provider."}
          </p>
          {noProviders && (
            <Link to="/p/$project/providers" params={{ project }} search={{ new: "1" }}>
              Add a provider
            </Link>
          )}
        </Empty>
      )}
      <LongList
        rows={models.data}
        noun="model"
        textOf={(model) => [model.name, model.upstream, model.provider, ...model.fallback].join(" ")}
        words={find}
        onWords={(find) => void navigate({ search: (was) => ({ ...was, find }), replace: true })}
        placeholder="Name, the provider's name for it, or the provider"
      >
        {(rows) => (
          <ul className={css.list} aria-label="Models">
            {rows.map((model) => (
              <ModelRow
                key={model.name}
                project={project}
                model={model}
                onEdit={() => void navigate({ search: { find, edit: model.name } })}
              />
            ))}
          </ul>
        )}
      </LongList>
      {search.card && (
        <CardDrawer
          key={search.card}
          project={project}
          name={search.card}
          open={search.open}
          onOpen={(open) => void navigate({ search: (prev) => ({ ...prev, open }), replace: true })}
          onClose={close}
        />
      )}
      {models.data && providers.data && (search.new || edited) && (
        <ModelEditor
          key={edited?.name ?? "new"}
          project={project}
          model={edited}
          models={models.data}
          providers={providers.data}
          onClose={close}
        />
      )}
    </Page>
  );
}
