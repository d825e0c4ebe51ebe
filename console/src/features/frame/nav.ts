import {
  Activity,
  AppWindow,
  BookOpen,
  Boxes,
  CalendarClock,
  CircleDollarSign,
  CircleUser,
  ClipboardCheck,
  DatabaseZap,
  Eraser,
  FileLock,
  FlaskConical,
  Gauge,
  Gem,
  History,
  KeyRound,
  Layers,
  LayoutDashboard,
  ListChecks,
  ListTree,
  type LucideIcon,
  MailX,
  MessagesSquare,
  Package,
  Plug,
  ReceiptText,
  RefreshCw,
  Route,
  Ruler,
  Scale,
  ScrollText,
  Server,
  Settings,
  Shield,
  ShieldCheck,
  Swords,
  Table2,
  Tags,
  TriangleAlert,
  UserCheck,
  Users,
  UsersRound,
  Waypoints,
  Wrench,
} from "lucide-react";

export interface NavItem {
  to:
    | "/p/$project/overview"
    | "/p/$project/traces"
    | "/p/$project/dashboards"
    | "/p/$project/sessions"
    | "/p/$project/users"
    | "/p/$project/errors"
    | "/p/$project/tools"
    | "/p/$project/dead-letters"
    | "/p/$project/mapping"
    | "/p/$project/apps"
    | "/p/$project/rollouts"
    | "/p/$project/environments"
    | "/p/$project/audit"
    | "/p/$project/knowledge"
    | "/p/$project/guards"
    | "/p/$project/red-team"
    | "/p/$project/compliance"
    | "/p/$project/prompts"
    | "/p/$project/playground"
    | "/p/$project/quality"
    | "/p/$project/review"
    | "/p/$project/datasets"
    | "/p/$project/suites"
    | "/p/$project/experiments"
    | "/p/$project/scorers"
    | "/p/$project/costs"
    | "/p/$project/batches"
    | "/p/$project/prices"
    | "/p/$project/reconciliation"
    | "/p/$project/limits"
    | "/p/$project/policies"
    | "/p/$project/cache"
    | "/p/$project/routes"
    | "/p/$project/models"
    | "/p/$project/providers"
    | "/p/$project/keys"
    | "/p/$project/people"
    | "/p/$project/account"
    | "/p/$project/connect"
    | "/p/$project/data"
    | "/p/$project/retention"
    | "/p/$project/erasures"
    | "/p/$project/settings";
  label: string;
  icon: LucideIcon;
  /** What to type in the palette besides the label. */
  words: string;
  /** Begins a group of this name. */
  group?: string;
}

export const NAV: NavItem[] = [
  {
    to: "/p/$project/overview",
    label: "Overview",
    icon: Activity,
    words: "home dashboard cost latency errors",
    group: "Watch",
  },
  { to: "/p/$project/dashboards", label: "Dashboards", icon: LayoutDashboard, words: "boards charts tiles metrics" },
  { to: "/p/$project/traces", label: "Traces", icon: ListTree, words: "calls requests spans logs" },
  { to: "/p/$project/sessions", label: "Sessions", icon: MessagesSquare, words: "conversations chats threads" },
  { to: "/p/$project/users", label: "Users", icon: Users, words: "people customers end users" },
  { to: "/p/$project/errors", label: "Errors", icon: TriangleAlert, words: "failures causes exceptions issues" },
  { to: "/p/$project/tools", label: "Tools", icon: Wrench, words: "functions misuse arguments agents" },
  {
    to: "/p/$project/apps",
    label: "Apps",
    icon: AppWindow,
    words: "releases release versions live draft deploy promote",
    group: "Ship",
  },
  { to: "/p/$project/rollouts", label: "Rollouts", icon: Waypoints, words: "canary a/b shadow promote roll back" },
  {
    to: "/p/$project/environments",
    label: "Environments",
    icon: Layers,
    words: "production staging protection freeze approvals",
  },
  {
    to: "/p/$project/knowledge",
    label: "Knowledge",
    icon: BookOpen,
    words: "corpus corpora documents retrieval rag search sources freshness",
  },
  { to: "/p/$project/prompts", label: "Prompts", icon: ScrollText, words: "templates versions labels text system" },
  {
    to: "/p/$project/playground",
    label: "Playground",
    icon: FlaskConical,
    words: "try compare models side by side ask",
  },
  {
    to: "/p/$project/quality",
    label: "Quality",
    icon: Gem,
    words: "scores trend drift feedback thumbs judges calibration agreement online",
    group: "Measure",
  },
  { to: "/p/$project/review", label: "Review", icon: UserCheck, words: "queue people approve reject correct hold" },
  { to: "/p/$project/datasets", label: "Datasets", icon: Table2, words: "cases examples golden import csv jsonl" },
  { to: "/p/$project/suites", label: "Suites", icon: ListChecks, words: "gate thresholds scorers margin evaluation" },
  {
    to: "/p/$project/experiments",
    label: "Experiments",
    icon: Scale,
    words: "eval evaluation compare releases better worse report",
  },
  { to: "/p/$project/scorers", label: "Scorers", icon: Ruler, words: "judges rubric metrics llm as a judge" },
  {
    to: "/p/$project/guards",
    label: "Guards",
    icon: Shield,
    words: "pii secrets injection jailbreak moderation block redact shadow refusal reference",
    group: "Protect",
  },
  { to: "/p/$project/red-team", label: "Red team", icon: Swords, words: "attack owasp jailbreak injection break" },
  {
    to: "/p/$project/policies",
    label: "Policies",
    icon: ShieldCheck,
    words: "cedar access data class region governance allow forbid",
  },
  { to: "/p/$project/audit", label: "Audit trail", icon: History, words: "who did what when why log history" },
  {
    to: "/p/$project/compliance",
    label: "Compliance",
    icon: ClipboardCheck,
    words: "evidence report eu ai act nist iso 42001 auditor card",
  },
  {
    to: "/p/$project/data",
    label: "Data",
    icon: FileLock,
    words: "classes terms region encryption keys legal hold content access audit reads",
  },
  { to: "/p/$project/retention", label: "Retention", icon: CalendarClock, words: "keep days delete old data age" },
  {
    to: "/p/$project/erasures",
    label: "Erasures",
    icon: Eraser,
    words: "gdpr delete user session trace receipt privacy",
  },
  {
    to: "/p/$project/costs",
    label: "Costs",
    icon: CircleDollarSign,
    words: "money spend bill waste price",
    group: "Run",
  },
  {
    to: "/p/$project/batches",
    label: "Batches",
    icon: Package,
    words: "batch jobs files half price bulk lost expired held",
  },
  {
    to: "/p/$project/prices",
    label: "Prices",
    icon: Tags,
    words: "rates contract dated own price book currency euro re-price reprice",
  },
  {
    to: "/p/$project/reconciliation",
    label: "Reconciliation",
    icon: ReceiptText,
    words: "invoice bill usage export compare provider openai anthropic reconcile",
  },
  { to: "/p/$project/limits", label: "Limits", icon: Gauge, words: "budget quota rate spend burn down" },
  { to: "/p/$project/cache", label: "Cache", icon: DatabaseZap, words: "hit rate saved semantic purge" },
  {
    to: "/p/$project/routes",
    label: "Routes",
    icon: Route,
    words: "fallback weights escalate breaker decision",
  },
  { to: "/p/$project/models", label: "Models", icon: Boxes, words: "fallback price test" },
  { to: "/p/$project/providers", label: "Providers", icon: Server, words: "openai anthropic local upstream" },
  { to: "/p/$project/keys", label: "Keys", icon: KeyRound, words: "api key secret token" },
  {
    to: "/p/$project/people",
    label: "People",
    icon: UsersRound,
    words: "members roles team service accounts access sso oidc organisation identity provider",
  },
  { to: "/p/$project/connect", label: "Connect", icon: Plug, words: "snippet quickstart sdk curl" },
  { to: "/p/$project/settings", label: "Settings", icon: Settings, words: "project capture content" },
  {
    to: "/p/$project/account",
    label: "Your account",
    icon: CircleUser,
    words: "my sessions log out totp second factor 2fa",
  },
];

/** Found by their words alone: of the whole server, or rarely needed. */
export const UNLISTED: readonly NavItem[] = [
  {
    to: "/p/$project/dead-letters",
    label: "Dead letters",
    icon: MailX,
    words: "set aside rejected refused not stored lost spans replay mend",
  },
  {
    to: "/p/$project/mapping",
    label: "Reading of traces",
    icon: RefreshCw,
    words: "remap mapper convention version older otel drift read again",
  },
];

export interface NavGroup {
  name: string;
  items: NavItem[];
}

/** The pages by group, in order. */
export function grouped(items: readonly NavItem[]): NavGroup[] {
  const groups: NavGroup[] = [];
  for (const item of items) {
    const last = groups.at(-1);
    if (item.group !== undefined || last === undefined) groups.push({ name: item.group ?? "", items: [item] });
    else last.items.push(item);
  }
  return groups;
}
