import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Page } from "@/ui/Page";
import { Tabs } from "@/ui/Tabs";
import { ClassesView } from "./ClassesView";
import css from "./data.module.css";
import { EncryptionPanel } from "./EncryptionPanel";
import { HoldsView } from "./HoldsView";
import { ReadingView } from "./ReadingView";
import { TermsView } from "./TermsView";

const ROUTE = "/inside/p/$project/data";
const VIEWS = [
  { id: "classes", label: "Classes" },
  { id: "terms", label: "Where it may go" },
  { id: "reading", label: "Who reads it" },
  { id: "encryption", label: "Encryption" },
  { id: "holds", label: "Legal holds" },
] as const;
type View = (typeof VIEWS)[number]["id"];

/** "How sensitive is our data, where may it go, who reads it, and how does it lie?" */
export function DataPage() {
  const { project } = useParams({ from: ROUTE });
  const search = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: "/p/$project/data" });
  const view: View = VIEWS.find((each) => each.id === search.view)?.id ?? "classes";
  const set = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const views: Record<View, () => ReactNode> = {
    classes: () => <ClassesView project={project} />,
    terms: () => <TermsView project={project} edit={search.edit} onEdit={(edit) => set({ edit })} />,
    reading: () => <ReadingView project={project} />,
    encryption: () => <EncryptionPanel project={project} />,
    holds: () => (
      <HoldsView
        project={project}
        adding={search.new === "1"}
        onAdding={(on) => set({ new: on ? "1" : undefined })}
        released={search.show === "all"}
        onReleased={(on) => set({ show: on ? "all" : undefined })}
      />
    ),
  };
  return (
    <Page
      title="Data"
      lead={
        <>
          How sensitive it is, where it may go, who reads it and how it lies. How long it is kept is under{" "}
          <Link to="/p/$project/retention" params={{ project }}>
            Retention
          </Link>
          .
        </>
      }
    >
      <Tabs
        label="Views"
        tabs={VIEWS}
        value={view}
        onChange={(id) => void navigate({ search: { view: id === "classes" ? undefined : id } })}
      >
        <div className={css.stack}>{views[view]()}</div>
      </Tabs>
    </Page>
  );
}
