/** Range and placeholder of flags that name a port. */
export const PORT = { min: 0, max: 65_535, placeholder: 'PORT' } as const;
