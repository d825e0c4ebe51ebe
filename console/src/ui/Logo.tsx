/** A rudder's blade from the side, its trim tab put over: the small surface that moves the large one. */
export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M9 3h11a2 2 0 0 1 2 2v8.500h-5.500V29H13a4 4 0 0 1-4-3.600L7 5.200A2 2 0 0 1 9 3z" fill="var(--text)" />
      <path d="M19 16.500l5.200-1.800 3.600 11.600a1.200 1.200 0 0 1-.8 1.500L22.900 29z" fill="var(--accent)" />
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
