import { Button, Group, Modal, Select } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { queuesQuery, reviewKey, sendToReview } from "@/api/review";
import { plural } from "@/lib/format";
import { Notice, ProblemNotice } from "@/ui/Notice";
import css from "./review.module.css";

interface Props {
  project: string;
  traceIds: string[];
  onClose: () => void;
}

/** Has people look at answers. */
export function SendToReview({ project, traceIds, onClose }: Props) {
  const queues = useQuery(queuesQuery(project));
  const [chosen, setChosen] = useState<string | null>(null);
  const queue = chosen ?? queues.data?.[0]?.name ?? "";
  const queries = useQueryClient();
  const send = useMutation({
    mutationFn: () => sendToReview(project, queue, traceIds),
    onSuccess: () => queries.invalidateQueries({ queryKey: reviewKey(project) }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (queue) send.mutate();
  };
  const none = queues.data?.length === 0;
  return (
    <Modal opened onClose={onClose} title={<strong>Send to review</strong>}>
      <form className={css.form} onSubmit={submit}>
        {queues.isError && <ProblemNotice error={queues.error} />}
        {none ? (
          <Notice tone="warn" title="There is no queue yet">
            <Link to="/p/$project/review" params={{ project }} search={{ new: "1" }}>
              Make one
            </Link>{" "}
            that says what people are asked.
          </Notice>
        ) : (
          <Select
            label="Queue"
            data={(queues.data ?? []).map((each) => each.name)}
            value={queue}
            allowDeselect={false}
            onChange={setChosen}
            data-autofocus
          />
        )}
        {send.isError && <ProblemNotice error={send.error} />}
        {send.data && (
          <Notice tone={send.data.missing.length > 0 ? "warn" : "good"} title={sentWords(send.data)}>
            <Link to="/p/$project/review/$queue" params={{ project, queue }} search={{}}>
              Look at {queue}
            </Link>
          </Notice>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={onClose}>
            {send.data ? "Go on" : "Cancel"}
          </Button>
          {!send.data && (
            <Button type="submit" size="sm" loading={send.isPending} disabled={!queue}>
              Send
            </Button>
          )}
        </Group>
      </form>
    </Modal>
  );
}

function sentWords(sent: { items: string[]; known: string[]; missing: string[] }): string {
  const parts = [`${plural(sent.items.length, "answer")} sent`];
  if (sent.known.length > 0) parts.push(`${sent.known.length} was there already`);
  if (sent.missing.length > 0) parts.push(`${sent.missing.length} not found`);
  return parts.join(", ");
}
