import { Button } from "@mantine/core";
import { Download } from "lucide-react";
import { saveText } from "@/lib/save";

interface Props {
  /** What the files are called, before the dot. */
  name: string;
  /** What is shown: that is the file of JSON. */
  shown: unknown;
  /** One page of HTML, which the server makes anew. */
  html: { isPending: boolean; mutate: () => void };
}

/** What an auditor takes along, as HTML and as JSON. */
export function Downloads({ name, shown, html }: Props) {
  const looks = { variant: "default", size: "sm", leftSection: <Download size={15} /> } as const;
  return (
    <>
      <Button {...looks} loading={html.isPending} onClick={() => html.mutate()}>
        HTML
      </Button>
      <Button {...looks} onClick={() => saveText(JSON.stringify(shown, null, 2), `${name}.json`, "application/json")}>
        JSON
      </Button>
    </>
  );
}
