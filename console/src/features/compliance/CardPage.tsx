import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { get } from "@/api/client";
import { cardPath, cardQuery } from "@/api/compliance";
import { formatDateTime } from "@/lib/format";
import { saveText } from "@/lib/save";
import { Facts, Panel } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { Downloads } from "./Downloads";
import { SectionView } from "./Section";
import { cellWords, columnWords } from "./words";

const ROUTE = "/inside/p/$project/compliance/$kind/$name";

/** "What is known of this app, or this model?", for people who were not there. */
export function CardPage() {
  const { project, kind, name } = useParams({ from: ROUTE });
  const found = useQuery(cardQuery(project, kind, name));
  const card = found.data;
  const file = `card-${name.replaceAll("/", "-")}`;
  const html = useMutation({
    mutationFn: async () => {
      const made = await get<{ html: string }>(cardPath(project, kind, name, "html"));
      saveText(made.html, `${file}.html`, "text/html");
    },
  });
  return (
    <Page
      title={card?.title ?? name}
      lead={
        <>
          {card && `${card.about} `}
          {kind === "apps" && (
            <Link to="/p/$project/apps/$app" params={{ project, app: name }} search={{}}>
              The app
            </Link>
          )}
          {kind === "models" && (
            <Link to="/p/$project/models" params={{ project }}>
              Models
            </Link>
          )}
        </>
      }
      actions={card && <Downloads name={file} shown={card} html={html} />}
    >
      {html.isError && <ProblemNotice error={html.error} />}
      <Pending of={found} height={320} />
      {card && (
        <>
          <Panel>
            <div style={{ padding: 16 }}>
              <Facts
                rows={[
                  ...Object.entries(card.facts).map(([fact, value]): [string, string] => [
                    columnWords(fact),
                    cellWords(fact, value),
                  ]),
                  ["made", formatDateTime(card.made)],
                ]}
              />
            </div>
          </Panel>
          {card.parts.map((part) => (
            <SectionView key={part.name} section={part} />
          ))}
        </>
      )}
    </Page>
  );
}
