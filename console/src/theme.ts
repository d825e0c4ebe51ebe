import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

/** The accent, light to dark; 7 fills on light ground, 6 on dark; both carry white text. */
const sea: MantineColorsTuple = [
  "#e6f4f3",
  "#d0e9e8",
  "#a4d5d3",
  "#7cc7c6",
  "#58c4c4",
  "#2a9a9b",
  "#128285",
  "#0a6c70",
  "#08595c",
  "#054548",
];

/** Mantine's dark scale in our tones: text, lines, fields, grounds. */
const dark: MantineColorsTuple = [
  "#e4ebee",
  "#c3cdd3",
  "#aebbc3",
  "#8e9da6",
  "#3b4b55",
  "#25323a",
  "#1a242a",
  "#141c21",
  "#0e1418",
  "#0a0f12",
];

export const theme = createTheme({
  fontFamily: "var(--sans)",
  fontFamilyMonospace: "var(--mono)",
  primaryColor: "sea",
  primaryShade: { light: 7, dark: 6 },
  colors: { sea, dark },
  defaultRadius: 6,
  fontSizes: { xs: "11.5px", sm: "13px", md: "14px", lg: "16px", xl: "20px" },
  headings: { fontWeight: "600" },
  cursorType: "pointer",
  components: {
    Button: { defaultProps: { size: "xs" } },
    TextInput: { defaultProps: { size: "sm" } },
    Tooltip: { defaultProps: { openDelay: 250, withArrow: false, multiline: true, maw: 340 } },
    Modal: {
      defaultProps: {
        centered: true,
        closeButtonProps: { "aria-label": "Close" },
        overlayProps: { backgroundOpacity: 0.45 },
      },
    },
    Drawer: {
      defaultProps: { closeButtonProps: { "aria-label": "Close" }, overlayProps: { backgroundOpacity: 0.35 } },
    },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray" } },
  },
});

const shared = {
  "--mantine-color-body": "var(--panel)",
  "--mantine-color-text": "var(--text)",
  "--mantine-color-dimmed": "var(--text-3)",
  "--mantine-color-placeholder": "var(--text-3)",
  "--mantine-color-default": "var(--panel)",
  "--mantine-color-default-hover": "var(--hover)",
  "--mantine-color-default-color": "var(--text)",
  "--mantine-color-default-border": "var(--line-strong)",
  "--mantine-color-error": "var(--bad)",
  "--mantine-color-anchor": "var(--accent)",
};

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: { ...shared, "--mantine-color-gray-light-color": "var(--text-2)" },
  dark: { ...shared },
});
