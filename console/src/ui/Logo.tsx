/** The blade of a rudder with its trim tab put over: the small surface that moves the large one. */
export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path
        d="M2 16.500c0-4.900 4.700-7.500 10.300-7.500 3.400 0 6.400.9 8.900 2.500v10c-2.500 1.600-5.500 2.500-8.900 2.500C6.700 24 2 21.400 2 16.500z"
        fill="var(--text)"
      />
      <circle cx="22.300" cy="12.600" r="1.100" fill="var(--accent)" />
      <path d="M23 11.400L31 20.800 23 18.200z" fill="var(--accent)" />
    </svg>
  );
}

export function Wordmark() {
  return (
    <span style={{ display: "inline-flex", alignItems: "center", gap: 8 }}>
      <Mark />
      <span style={{ fontWeight: 650, fontSize: 15, letterSpacing: "-0.02em", color: "var(--text)" }}>Trimtab</span>
    </span>
  );
}
