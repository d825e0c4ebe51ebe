import { Button } from "@mantine/core";
import { asProblem } from "@/api/client";
import type { Difference } from "./conflict";
import css from "./meanwhile.module.css";
import { Notice } from "./Notice";

interface Props {
  /** The server's refusal: who changed it, and when. */
  problem: unknown;
  differences: readonly Difference[];
  /** Goes on with what is there now and the form's own changes on top. */
  onMerge: () => void;
  /** Goes on with what is there now. */
  onTake: () => void;
}

/** Somebody else saved while this form was open: what they changed, and the two ways on. */
export function Meanwhile({ problem, differences, onMerge, onTake }: Props) {
  return (
    <Notice tone="bad" title={asProblem(problem).message}>
      {differences.length > 0 ? (
        <table className={css.table} aria-label="What was changed meanwhile">
          <thead>
            <tr>
              <th scope="col">field</th>
              <th scope="col">was</th>
              <th scope="col">is now</th>
              <th scope="col">yours</th>
            </tr>
          </thead>
          <tbody>
            {differences.map((each) => (
              <tr key={each.field}>
                <th scope="row">{each.field}</th>
                <td>{each.was}</td>
                <td>{each.is}</td>
                <td>{each.yours ?? ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p>Nothing that this form shows is another: it may be a secret, or what only the API sets.</p>
      )}
      <p>Nothing of yours was saved yet.</p>
      <div className={css.ways}>
        <Button size="xs" onClick={onMerge}>
          Put my changes on top
        </Button>
        <Button size="xs" variant="default" onClick={onTake}>
          Drop mine
        </Button>
      </div>
    </Notice>
  );
}
