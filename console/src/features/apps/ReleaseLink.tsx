import { Link, useParams } from "@tanstack/react-router";
import type { SpanRow } from "@/api/types";
import { numberOf } from "./links";

type Released = Pick<SpanRow, "app" | "release" | "environment">;

/** Whether a release of one of our apps answered; foreign spans name apps and releases of their own. */
export const isReleased = (span: Released): boolean => span.app !== "" && numberOf(span.release) !== null;

/** `r12` of a call that an app answered, as the way to that release; nothing for calls of models, and for what foreign
 * spans call a release. */
export function ReleaseLink({ span, whole = false }: { span: Released; whole?: boolean }) {
  const { project } = useParams({ strict: false });
  if (!project || !isReleased(span)) return null;
  const where = span.environment ? ` in ${span.environment}` : "";
  return (
    <Link
      to="/p/$project/apps/$app/releases/$release"
      params={{ project, app: span.app, release: span.release }}
      // In a list a click on the row selects the call; this one leaves it.
      onClick={(event) => event.stopPropagation()}
      title={`${span.app} ${span.release}${where}`}
    >
      {whole ? `${span.app} ${span.release}${where}` : span.release}
    </Link>
  );
}
