import { Button } from "@mantine/core";
import { Plus } from "lucide-react";
import { WriteButton } from "./WriteButton";

interface Props {
  /** Whether those out of use are shown, as the address has it. */
  archived: boolean;
  onArchived: (archived: "1" | undefined) => void;
  /** What the second button makes, and the permission for it. */
  make: string;
  needs: string;
  onMake: () => void;
}

/** What one does with a list of named things: look at those out of use, and make another. */
export function ListActions({ archived, onArchived, make, needs, onMake }: Props) {
  return (
    <>
      <Button
        variant="default"
        size="sm"
        aria-pressed={archived}
        onClick={() => onArchived(archived ? undefined : "1")}
      >
        {archived ? "Back to those in use" : "Archived"}
      </Button>
      <WriteButton needs={needs} size="sm" leftSection={<Plus size={15} />} onClick={onMake}>
        {make}
      </WriteButton>
    </>
  );
}
