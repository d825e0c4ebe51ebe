import { useQuery } from "@tanstack/react-query";
import { Outlet, useParams } from "@tanstack/react-router";
import { currencyQuery } from "@/api/money";
import { showMoneyIn } from "@/lib/money";
import { useMay } from "@/lib/role";

/** The pages of a project. They show money in its currency; who may not read costs sees what the books say, dollars. */
export function ProjectPages() {
  const { project } = useParams({ from: "/inside/p/$project" });
  const may = useMay("cost:read");
  const currency = useQuery({ ...currencyQuery(project), enabled: may, refetchInterval: 60_000 }).data;
  showMoneyIn(currency?.code, currency?.rate);
  return <Outlet />;
}
