import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { meQuery } from "@/api/queries";
import type { Me } from "@/api/types";
import { heldIn } from "@/lib/role";
import { Facts, Panel } from "@/ui/bits";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import css from "./account.module.css";
import { SecondFactor } from "./SecondFactor";
import { OwnSessions } from "./Sessions";

/** "Who am I here, where am I signed in, and how well is that kept?" */
export function AccountPage() {
  const { project } = useParams({ from: "/inside/p/$project/account" });
  const me = useQuery(meQuery());
  return (
    <Page title="Your account" lead="Who you are here, where you are signed in, and your second factor.">
      <div className={css.columns}>
        <Pending of={me} height={120} />
        {me.data && <Who me={me.data} project={project} />}
        <SecondFactor />
        <OwnSessions />
      </div>
    </Page>
  );
}

const KINDS = { key: "Signed in with a key", person: "Person", service: "Service account" };

function Who({ me, project }: { me: Me; project: string }) {
  const held = [...heldIn(me, project)].sort();
  return (
    <Panel>
      <div className={css.body}>
        <Facts
          rows={[
            ["Name", me.name || me.email],
            ["E-mail", me.email],
            ["What you are", KINDS[me.kind]],
            ["Key", me.key_prefix && <code key="k">{me.key_prefix}…</code>],
            ["Role", me.role.replaceAll("_", " ")],
            ["Organisations", me.organisations.join(", ")],
            [
              `In ${project}`,
              <details key="h">
                <summary>{held.length} permissions</summary>
                <span className="mono muted">{held.join("  ")}</span>
              </details>,
            ],
          ]}
        />
      </div>
    </Panel>
  );
}
