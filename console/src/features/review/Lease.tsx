import { Button } from "@mantine/core";
import { Clock, Lock } from "lucide-react";
import { useEffect, useState } from "react";
import type { ItemView } from "@/api/reviewTypes";
import { Tag } from "@/ui/bits";
import css from "./review.module.css";
import { dueWords } from "./rubric";

interface Props {
  item: ItemView;
  claimed: ItemView | undefined;
  onAgain: () => void;
}

/** For how long it is yours, and until when somebody must have decided. */
export function Lease({ item, claimed, onAgain }: Props) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const until = claimed?.claimed_until ?? null;
  const left = until === null ? 0 : until - now;
  const due = dueWords(item.due, now);
  return (
    <div className={css.lease}>
      {claimed && left > 0 && (
        <span role="timer" aria-label="Claimed" title="Nobody else is given it for so long.">
          <Lock size={13} aria-hidden="true" /> yours for {clock(left)}
        </span>
      )}
      {claimed && left <= 0 && (
        <>
          <Tag tone="warn">your claim has ended</Tag>
          <Button variant="default" size="compact-xs" onClick={onAgain}>
            Claim it again
          </Button>
        </>
      )}
      {due.text && (
        <span className={css.due} data-late={due.late}>
          <Clock size={13} aria-hidden="true" /> {due.text}
        </span>
      )}
      {item.hold && <Tag tone="warn">its user waits for this</Tag>}
    </div>
  );
}

const clock = (ms: number) => {
  const seconds = Math.ceil(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};
