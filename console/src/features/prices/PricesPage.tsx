import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { priceBookQuery, pricesQuery } from "@/api/money";
import { modelsQuery, providersQuery } from "@/api/queries";
import type { PriceBookView } from "@/api/types";
import { formatInt, plural } from "@/lib/format";
import { Empty, Panel } from "@/ui/bits";
import { Notice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { CurrencyPanel } from "./CurrencyPanel";
import { LookUp } from "./LookUp";
import { PriceEditor } from "./PriceEditor";
import { PriceTable } from "./PriceTable";
import { Repricings } from "./Repricings";

/** "By which price is a call booked, from when until when, and what would past ones cost by today's?" */
export function PricesPage() {
  const { project } = useParams({ from: "/inside/p/$project/prices" });
  const search = useSearch({ from: "/inside/p/$project/prices" });
  const navigate = useNavigate({ from: "/p/$project/prices" });
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const prices = useQuery(pricesQuery(project));
  const book = useQuery(priceBookQuery(project));
  const models = useQuery(modelsQuery(project));
  const providers = useQuery(providersQuery(project));
  const add = (
    <WriteButton needs="cost:write" size="sm" leftSection={<Plus size={15} />} onClick={() => patch({ new: "1" })}>
      Add a price
    </WriteButton>
  );
  return (
    <Page
      title="Prices"
      lead="What your calls are booked at: your own prices with their days first, then one set on a model, then the packaged book."
      actions={prices.data?.length ? add : null}
    >
      {book.data && <Book book={book.data} />}
      <Pending of={prices} height={160} />
      {prices.data?.length === 0 && (
        <Empty title="No price of your own">
          <p>
            The packaged book prices every model that it knows. Where you pay something else (a contract, a discount, a
            model of your own), say so here, with the day from which it holds.
          </p>
          {add}
        </Empty>
      )}
      {prices.data && prices.data.length > 0 && (
        <Panel>
          <PriceTable project={project} prices={prices.data} onCopy={(price) => patch({ new: price.id })} />
        </Panel>
      )}
      {models.data && (
        <LookUp
          key={`${search.model}/${search.at}/${search.tier}`}
          project={project}
          models={models.data}
          asked={search}
          onAsk={(asked) => patch({ model: undefined, at: undefined, tier: undefined, ...asked })}
        />
      )}
      <Repricings project={project} shown={search.job} onShow={(job) => patch({ job })} />
      <CurrencyPanel project={project} />
      {search.new && prices.data && models.data && providers.data && (
        <PriceEditor
          key={search.new}
          project={project}
          like={prices.data.find((price) => price.id === search.new)}
          model={models.data.find((each) => each.name === search.model)?.upstream ?? ""}
          models={models.data}
          providers={providers.data}
          onClose={() => patch({ new: undefined })}
        />
      )}
    </Page>
  );
}

function Book({ book }: { book: PriceBookView }) {
  const age = book.age_days === null ? "of unknown age" : `${plural(book.age_days, "day")} old`;
  const about = `genai-prices ${book.version}, ${formatInt(book.rows)} models, ${age}`;
  if (book.stale)
    return (
      <Notice tone="warn" title={`The packaged price book may be out of date: ${about}.`}>
        Prices change meanwhile: install a newer one (pip install --upgrade genai-prices), or set your own here.
      </Notice>
    );
  return (
    <p className="muted" style={{ marginBottom: 12 }}>
      The packaged book: {about}. {plural(book.own, "price")} of your own {book.own === 1 ? "holds" : "hold"} now.
    </p>
  );
}
