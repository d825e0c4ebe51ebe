import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { modelsQuery, providersQuery } from "@/api/queries";
import { useFreshKey } from "@/features/keys/freshKey";
import { Empty } from "@/ui/bits";
import { Code } from "@/ui/Copy";
import { snippetBy } from "./snippets";

/** Where calls would be: the command that makes the first one, filled in. */
export function FirstCall({ project, range }: { project: string; range: string }) {
  const models = useQuery(modelsQuery(project));
  const secret = useFreshKey(project);
  const navigate = useNavigate();
  const model = models.data?.[0]?.name;
  const providers = useQuery({ ...providersQuery(project), enabled: models.data?.length === 0 });
  const bare = providers.data?.length === 0;
  const text = snippetBy("curl").render({ origin: window.location.origin, model: model ?? "your-model", secret });
  return (
    <Empty title="No call yet">
      <p>
        Nothing was called in “{range.toLowerCase()}”. Send the first one; it shows here within a second.
        {models.data &&
          !model &&
          (bare
            ? " First say where models are served: a provider, or the small local model that needs no key."
            : " A model has to be named before one can be called.")}
      </p>
      {model || !models.data ? <Code text={text} label="Copy the command" wrap /> : null}
      <div style={{ display: "flex", gap: 8, marginTop: 14, flexWrap: "wrap" }}>
        {models.data && !model && bare && (
          <Button
            size="sm"
            onClick={() => void navigate({ to: "/p/$project/providers", params: { project }, search: { new: "1" } })}
          >
            Add a provider
          </Button>
        )}
        {models.data && !model && !bare && (
          <Button
            size="sm"
            onClick={() => void navigate({ to: "/p/$project/models", params: { project }, search: { new: "1" } })}
          >
            Name a model
          </Button>
        )}
        {!secret && (
          <Button
            size="sm"
            variant={model ? "filled" : "default"}
            onClick={() => void navigate({ to: "/p/$project/keys", params: { project }, search: { new: "1" } })}
          >
            Create a key
          </Button>
        )}
        <Link to="/p/$project/connect" params={{ project }} style={{ alignSelf: "center", marginLeft: 4 }}>
          Python, Node, LangChain and more
        </Link>
      </div>
    </Empty>
  );
}
