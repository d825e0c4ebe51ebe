import { PasswordInput, Switch, TextInput } from "@mantine/core";
import type { ProviderKindView } from "@/api/types";
import css from "./models.module.css";
import { isNeeded, type ProviderForm } from "./providerForm";

type Option = ProviderKindView["options"][number];

interface Props {
  kind: ProviderKindView;
  form: ProviderForm;
  set: (change: Partial<ProviderForm>) => void;
}

/** What a kind asks for beside a key: a region, a resource, an app registration. */
export function OptionFields({ kind, form, set }: Props) {
  const needed = kind.options.filter((option) => isNeeded(kind, option));
  const others = kind.options.filter((option) => !isNeeded(kind, option));
  const isSaid = (option: Option) =>
    Boolean(form.options[option.name]) || form.keptOptions.includes(option.name) || option.default !== "";
  const field = (option: Option) => <OptionField key={option.name} option={option} form={form} set={set} />;
  return (
    <>
      {needed.map(field)}
      {others.length > 0 && (
        <details key={kind.name} open={others.some(isSaid)}>
          <summary style={{ cursor: "pointer", color: "var(--text-2)" }}>Other credentials and options</summary>
          <div className={css.form} style={{ marginTop: 12 }}>
            {others.map(field)}
          </div>
        </details>
      )}
      {kind.identities.length > 0 && (
        <p className="muted">
          Where this server runs in the provider's cloud it needs no key. Its identity is its operator's to lend: the
          server's config file declares such a provider, with the option{" "}
          <code>identity: {kind.identities.join(" or ")}</code>.
        </p>
      )}
    </>
  );
}

function OptionField({ option, form, set }: Omit<Props, "kind"> & { option: Option }) {
  const { name, about, secret, required } = option;
  const value = form.options[name] ?? "";
  const kept = form.keptOptions.includes(name);
  const change = (typed: string) => set({ options: { ...form.options, [name]: typed } });
  if (!secret) {
    return (
      <TextInput
        label={name}
        description={about}
        required={required}
        value={value}
        onChange={(event) => change(event.currentTarget.value)}
        spellCheck={false}
      />
    );
  }
  return (
    <>
      <PasswordInput
        label={kept ? `${name} (one is kept)` : name}
        description={kept ? "Type a new one to replace it; leave this empty to keep it." : about}
        required={required && !kept}
        value={value}
        onChange={(event) => change(event.currentTarget.value)}
        autoComplete="off"
        spellCheck={false}
        visibilityToggleButtonProps={{ "aria-label": `Show ${name}` }}
      />
      {kept && !required && (
        <Switch
          label={`Remove ${name}`}
          checked={false}
          onChange={() => set({ keptOptions: form.keptOptions.filter((each) => each !== name) })}
        />
      )}
    </>
  );
}
