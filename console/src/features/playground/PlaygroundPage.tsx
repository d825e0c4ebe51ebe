import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { spanContextQuery } from "@/api/playground";
import { versionQuery } from "@/api/prompts";
import { projectsQuery } from "@/api/queries";
import { Empty } from "@/ui/bits";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Bench, type Source } from "./Bench";
import { draftOf, NOTHING, plainMessage } from "./draft";

const FROM = "/inside/p/$project/playground";

/** "What would these models say to exactly this, and what would it cost?" */
export function PlaygroundPage() {
  const { project } = useParams({ from: FROM });
  const search = useSearch({ from: FROM });
  const projects = useQuery(projectsQuery());
  const kept = projects.data?.find((each) => each.slug === project)?.capture_content;
  return (
    <Page
      title="Playground"
      lead="Ask several models the same, side by side. Each answer is a call as any other: with your key, your limits, a trace and a cost."
    >
      {kept === false && (
        <Notice tone="warn" title="This project keeps content out of traces">
          What you ask and what is answered is not kept: the traces of these calls have numbers only, and spans cannot
          be opened here.{" "}
          <Link to="/p/$project/settings" params={{ project }}>
            Settings
          </Link>
        </Notice>
      )}
      {search.trace && search.span ? (
        <OfSpan key={search.span} project={project} traceId={search.trace} spanId={search.span} />
      ) : search.prompt ? (
        <OfPrompt
          key={`${search.prompt} ${search.ref}`}
          project={project}
          name={search.prompt}
          version={search.ref ?? "latest"}
        />
      ) : (
        <Bench key="own" project={project} source={OWN} />
      )}
    </Page>
  );
}

const OWN: Source = { kind: "own", draft: { ...NOTHING, messages: [plainMessage("user")] }, models: [] };

function OfSpan({ project, traceId, spanId }: { project: string; traceId: string; spanId: string }) {
  const context = useQuery(spanContextQuery(project, traceId, spanId));
  if (context.isError) {
    return (
      <Empty title="This span cannot be asked again">
        <ProblemNotice error={context.error} retry={() => void context.refetch()} />
      </Empty>
    );
  }
  if (!context.data) return <Skeleton height={400} />;
  const { model, callable, notes, adds } = context.data;
  const said = callable || !model ? notes : [...notes, `There is no model ${model} here now; choose another.`];
  return (
    <Bench
      project={project}
      source={{
        kind: "span",
        traceId,
        spanId,
        draft: draftOf(context.data),
        models: callable ? [model] : [],
        like: adds ? model : undefined,
        adds,
        notes: said,
      }}
    />
  );
}

function OfPrompt({ project, name, version }: { project: string; name: string; version: string }) {
  // Read once: a version saved meanwhile must not take away what is being edited.
  const detail = useQuery({
    ...versionQuery(project, name, version),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnMount: "always",
  });
  if (detail.isLoadingError) return <ProblemNotice error={detail.error} retry={() => void detail.refetch()} />;
  if (!detail.data) return <Skeleton height={400} />;
  return (
    <Bench
      key={detail.data.version.version}
      project={project}
      source={{
        kind: "prompt",
        name,
        version: detail.data.version.version,
        file: detail.data.file,
        draft: NOTHING,
        models: [],
      }}
    />
  );
}
